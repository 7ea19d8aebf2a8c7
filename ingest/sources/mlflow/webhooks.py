"""MLflow webhooks: verify the sender, and read the move of an alias.

A delivery names no previous version and no person. Its ``timestamp`` is the time it was
sent, which is the best available time of a promotion: MLflow itself keeps none.
Deliveries are retried from memory with the same id, and the same alias may be set to
the same version again under a new id; both are kept as they came.

Source: MLflow 3.17, *Webhooks* and ``mlflow/webhooks/delivery.py``.
"""

from __future__ import annotations

import hmac
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ingest.engine.state_rows import instant, row_of, text
from ingest.http.webhook_signatures import LONGEST_AGE, is_recent, signature_of
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.reading.text_rows import Row

SYSTEM = "mlflow"
DELIVERY_ID = "x-mlflow-delivery-id"
TIMESTAMP = "x-mlflow-timestamp"
SIGNATURE = "x-mlflow-signature"
_EVENTS: dict[tuple[str | None, str | None], str] = {
    ("model_version_alias", "created"): "alias_set",
    ("model_version_alias", "deleted"): "alias_deleted",
}


def verify_signature(
    body: bytes, headers: Mapping[str, str], *, secret: str, now: datetime
) -> str:
    """Return the id of a delivery that MLflow signed, and refuse any other.

    Parameters
    ----------
    body : bytes
        Exactly as received.
    headers : mapping of str to str
        As received; names in any case.
    secret : str
        Secret with which the webhook was registered.
    now : datetime
        The present, with a time zone.

    Raises
    ------
    SourceAccessError
        A header is missing, the signature is another, or the delivery is more than
        five minutes old or ahead. No message holds the secret or a signature.
    """
    told = {name.lower(): value for name, value in headers.items()}
    for name in (DELIVERY_ID, TIMESTAMP, SIGNATURE):
        if not told.get(name):
            raise _refused(f"it has no header {name}")
    delivery_id, sent = told[DELIVERY_ID], told[TIMESTAMP]
    own = signature_of(body, key=secret.encode(), message_id=delivery_id, sent=sent)
    if not secret or not hmac.compare_digest(own.encode(), told[SIGNATURE].encode()):
        raise _refused("its signature is not made with the secret that is set here")
    if not is_recent(sent, now):
        minutes = int(LONGEST_AGE.total_seconds() // 60)
        raise _refused(f"it was not sent within {minutes} minutes of now")
    return delivery_id


def promotion_row(
    body: Any,  # noqa: ANN401
    *,
    delivery_id: str,
    observed_at: datetime,
    where: str = "MLflow webhook",
) -> Row:
    """Return a delivery as a row of stream ``promotions``.

    A delivery that moves no alias is a row, too, with event ``other``; its tags,
    descriptions and names of people are left behind.

    Parameters
    ----------
    body : object
        The parsed body: ``{entity, action, timestamp, data}``.
    delivery_id : str
        From the header, as :func:`verify_signature` returns it.
    observed_at : datetime
        Time of arrival.
    where : str
        Name in messages.

    Raises
    ------
    MalformedDeliveryError
        It is no such body: a time without a zone, no model, or a set alias without a
        version.
    """
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise _malformed("it has no object 'data'", where)
    event = _EVENTS.get((text(body.get("entity")), text(body.get("action"))), "other")
    alias, version = text(data.get("alias")), text(data.get("version"))
    name = text(data.get("name"))
    if not name:
        raise _malformed("it names no registered model", where)
    if event != "other" and not alias:
        raise _malformed("it names no alias", where)
    if event == "alias_set" and not version:
        raise _malformed("it names no version", where)
    return row_of(
        {
            "source_system": SYSTEM,
            "event_id": delivery_id,
            "event": event,
            "registered_model": name,
            "alias": alias,
            "model_version": version,
            "event_time": _moment(body.get("timestamp"), where),
            "observed_at": observed_at,
        }
    )


def _moment(value: object, where: str) -> datetime:
    moment = instant(value)
    if not isinstance(moment, datetime):
        raise _malformed("'timestamp' is no time with a time zone", where)
    return moment


def _refused(why: str) -> SourceAccessError:
    return SourceAccessError(
        f"The delivery is refused: {why}.",
        where="MLflow webhook",
        next_step="Compare the secret of the webhook in MLflow with the one that is set"
        " here, and the clocks of both machines.",
    )


def _malformed(what: str, where: str) -> MalformedDeliveryError:
    return MalformedDeliveryError(
        f"It is no delivery of an MLflow webhook: {what}.",
        where=where,
        next_step="Compare the version of MLflow; nothing of it was taken.",
    )
