"""Deliveries of GitHub's webhooks as they are kept, and the rows that they become.

A signature covers the body and nothing else: neither the name of the event nor the id
of the delivery. So a delivery is known by its body, which GitHub repeats to the byte,
and its subject has to be in it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ingest.reading.event_rows import (
    UnfitEventError,
    identifier,
    instant,
    member,
    needed,
    needed_instant,
    without_empty,
)
from ingest.sources.github.rows import PAYLOAD_COLUMNS
from ingest.sources.github.webhooks import state_rows
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from datetime import datetime

    from ingest.reading.text_rows import Row

Event = dict[str, Any]

PING = "ping"
_DEPLOYMENT = ("sha", "ref", "task", "environment")
_RUN = ("run_attempt", "path", "head_sha", "head_branch", "status", "conclusion")
_RUN_TIMES = ("created_at", "run_started_at", "updated_at")


def stripped(event: str, body: Event) -> Event:
    """Return the fields of a delivery that are kept.

    Raises
    ------
    UnfitEventError
        The object that its event is about is not in it.
    """
    kept: Event = {
        "event": needed({"event": event}, "event"),
        "repository": {"full_name": identifier(body, "repository", "full_name")},
    }
    if event in {"deployment", "deployment_status"}:
        needed(body, "repository", "full_name")
        kept["deployment"] = _stripped_deployment(body)
    if event == "deployment_status":
        kept["deployment_status"] = {
            "state": needed(body, "deployment_status", "state"),
            "created_at": needed_instant(body, "deployment_status", "created_at"),
        }
    if event == "workflow_run":
        needed(body, "repository", "full_name")
        kept["workflow_run"] = _stripped_run(body)
    return kept


def key_of(body: bytes) -> str:
    """Return the identity of a delivery: all that its signature covers."""
    return hashlib.sha256(body).hexdigest()


def rows_of(
    event: Event, *, observed_at: datetime, workflows: Mapping[str, str]
) -> list[tuple[str, Row]]:
    """Return the states of deployments in a kept delivery.

    Raises
    ------
    UnfitEventError
        It is not as :func:`stripped` returns it.
    """
    try:
        rows = state_rows(
            str(event.get("event")), event, observed_at=observed_at, workflows=workflows
        )
    except MalformedDeliveryError as error:
        raise UnfitEventError("it is no delivery of a GitHub webhook") from error
    return [("deployments", row) for row in rows]


def _stripped_deployment(body: Event) -> Event:
    payload = member(body, "deployment", "payload")
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except (ValueError, RecursionError):
            payload = None
    named = payload if isinstance(payload, Mapping) else {}
    return without_empty(
        {
            "id": needed(body, "deployment", "id"),
            "created_at": needed_instant(body, "deployment", "created_at"),
            **{one: identifier(body, "deployment", one) for one in _DEPLOYMENT},
            "payload": without_empty(
                {column: _named(named, column) for column in PAYLOAD_COLUMNS}
            ),
        }
    )


def _stripped_run(body: Event) -> Event:
    return without_empty(
        {
            "id": needed(body, "workflow_run", "id"),
            **{one: identifier(body, "workflow_run", one) for one in _RUN},
            **{one: instant(body, "workflow_run", one) for one in _RUN_TIMES},
        }
    )


def _named(payload: Mapping[str, Any], name: str) -> str | None:
    """Return a member of a payload, which holds anything its sender likes."""
    try:
        return identifier(dict(payload), name)
    except UnfitEventError:
        return None
