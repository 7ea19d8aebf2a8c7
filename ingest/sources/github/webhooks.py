"""GitHub webhooks: verify the sender, and read deployment states.

``X-GitHub-Delivery`` names the event, and is the same when GitHub delivers it again.
Deliveries are not retried by themselves, so the API is polled as well; a state that
comes both ways is a single state, by its id, status and time.

Source: GitHub documentation, *Validating webhook deliveries*, *Webhook events*.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING, Any

from ingest.engine.state_rows import part_of, text
from ingest.sources.github.rows import (
    GithubReading,
    deployment_row,
    workflow_path,
    workflow_run_row,
)
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ingest.reading.text_rows import Row

DELIVERY_ID = "x-github-delivery"
EVENT = "x-github-event"
SIGNATURE = "x-hub-signature-256"
_PREFIX = "sha256="
_EVERYTHING = GithubReading()


def verify_signature(body: bytes, headers: Mapping[str, str], *, secret: str) -> str:
    """Return the id of a delivery that GitHub signed, and refuse any other.

    Parameters
    ----------
    body : bytes
        Exactly as received.
    headers : mapping of str to str
        As received; names in any case.
    secret : str
        Secret with which the webhook was registered.

    Raises
    ------
    SourceAccessError
        A header is missing, or the signature is another. No message holds the secret
        or a signature.
    """
    told = {name.lower(): value for name, value in headers.items()}
    for name in (DELIVERY_ID, EVENT, SIGNATURE):
        if not told.get(name):
            raise _refused(f"it has no header {name}")
    expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    own = f"{_PREFIX}{expected}".encode()
    if not secret or not hmac.compare_digest(own, told[SIGNATURE].encode()):
        raise _refused("its signature is not made with the secret that is set here")
    return told[DELIVERY_ID]


def state_rows(
    event: str,
    body: Any,  # noqa: ANN401
    *,
    observed_at: datetime,
    reading: GithubReading = _EVERYTHING,
    workflows: Mapping[str, str] | None = None,
) -> list[Row]:
    """Return a delivery as rows of stream ``deployments``, if it has any.

    Parameters
    ----------
    event : str
        From the header ``X-GitHub-Event``.
    body : object
        The parsed body.
    observed_at : datetime
        Time of arrival.
    reading : GithubReading
        Settings for reading it.
    workflows : mapping of str to str, optional
        File of a workflow that deploys → environment. Runs of others are none.

    Raises
    ------
    MalformedDeliveryError
        It lacks the object that its event is about, or the repository.
    """
    if event not in {"deployment", "deployment_status", "workflow_run"}:
        return []
    repository = text(part_of(part_of(body, "repository"), "full_name"))
    if repository is None:
        raise _malformed("it names no repository")
    if event == "workflow_run":
        run = _object(body, "workflow_run")
        environment = (workflows or {}).get(workflow_path(run))
        if environment is None:
            return []
        row = workflow_run_row(
            run, repository=repository, environment=environment, reading=reading
        )
    else:
        is_status = event == "deployment_status"
        row = deployment_row(
            _object(body, "deployment"),
            repository=repository,
            reading=reading,
            status=_object(body, "deployment_status") if is_status else None,
        )
    return [{**row, "observed_at": observed_at.isoformat()}]


def _object(body: object, name: str) -> Mapping[str, Any]:
    part = part_of(body, name)
    if not isinstance(part, dict):
        raise _malformed(f"it has no object {name!r}")
    return part


def _refused(why: str) -> SourceAccessError:
    return SourceAccessError(
        f"The delivery is refused: {why}.",
        where="GitHub webhook",
        next_step="Compare the secret of the webhook in GitHub with the one that is set"
        " here.",
    )


def _malformed(what: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"It is no delivery of a GitHub webhook: {what}.",
        where="GitHub webhook",
        next_step="Compare the events that the webhook sends; nothing of it was taken.",
    )
