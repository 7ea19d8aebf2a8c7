"""Addresses for posted events: permitted senders, and fields kept."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ingest.reading.event_rows import (
    UnfitEventError,
    identifier,
    instant,
    without_empty,
)
from ingest.receiver.authentication import (
    is_signed,
    verify_signature,
    verify_token,
)
from ingest.sources.events import cloudevents, devlake_webhooks
from ingest.sources.events.inbox import ReceivedEvent, now
from ingest.sources.github import events as github_events
from ingest.sources.github import webhooks as github_webhooks
from ingest.sources.mlflow import webhooks as mlflow_webhooks
from ingest.sources.mlflow.promotion_notices import stripped_notice
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MLFLOW_DATA = ("name", "alias", "version")


@dataclass(frozen=True, slots=True)
class PostedRequest:
    """Posted request; header names are lower case."""

    path: str
    headers: Mapping[str, str]
    body: bytes
    received_at: str


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address.

    Parameters
    ----------
    path : re.Pattern
        Its path.
    shown : str
        Name in messages.
    secret : str
        Secret that opens it.
    take : callable
        Returns the event of a request that holds the secret, or ``None`` where a sender
        only tries out the address. It raises :class:`SourceAccessError` for unknown
        senders, and :class:`UnfitEventError` for events that cannot be kept.
    """

    path: re.Pattern[str]
    shown: str
    secret: str
    take: Callable[[PostedRequest, str], ReceivedEvent | None]


def endpoint_of(path: str) -> Endpoint | None:
    """Return the endpoint at a path."""
    return next(
        (endpoint for endpoint in ENDPOINTS if endpoint.path.fullmatch(path)), None
    )


def posted(path: str, headers: Mapping[str, str], body: bytes) -> PostedRequest:
    """Return the request that arrives now."""
    return PostedRequest(path, headers, body, now())


def _take_event(request: PostedRequest, secret: str) -> ReceivedEvent:
    is_binary = cloudevents.is_binary_mode(request.headers)
    if is_binary and is_signed(request.headers):
        raise SourceAccessError(
            "The request is refused: a signature does not cover the headers of binary"
            " mode.",
            where="receiver",
            next_step="Send structured mode, or a bearer token.",
        )
    _verify(request, secret)
    return cloudevents.received(
        request.body, request.headers, received_at=request.received_at
    )


def _take_deployment(request: PostedRequest, secret: str) -> ReceivedEvent:
    _verify(request, secret)
    kept = devlake_webhooks.stripped_deployment(cloudevents.parsed_json(request.body))
    return _state(request, "devlake", "deployments", kept)


def _take_issue(request: PostedRequest, secret: str) -> ReceivedEvent:
    _verify(request, secret)
    kept = devlake_webhooks.stripped_issue(cloudevents.parsed_json(request.body))
    return _state(request, "devlake", devlake_webhooks.type_of_issue(kept), kept)


def _take_notice(request: PostedRequest, secret: str) -> ReceivedEvent:
    _verify(request, secret)
    kept = stripped_notice(cloudevents.parsed_json(request.body))
    if "event_id" in kept:
        key = json.dumps([kept.get("source_system"), kept["event_id"]])
        return ReceivedEvent("promotion", kept["event"], key, request.received_at, kept)
    # Without an id or a time, equal notices within a minute are a single notice that
    # its sender repeated.
    minute = kept.get("event_time") or request.received_at[:16]
    return _state(request, "promotion", kept["event"], kept, minute)


def _take_mlflow(request: PostedRequest, secret: str) -> ReceivedEvent:
    moment = datetime.now(UTC)
    delivery_id = mlflow_webhooks.verify_signature(
        request.body, request.headers, secret=secret, now=moment
    )
    body = cloudevents.parsed_json(request.body)
    data = {one: identifier(body, "data", one) for one in _MLFLOW_DATA}
    kept = {
        "entity": identifier(body, "entity"),
        "action": identifier(body, "action"),
        "timestamp": instant(body, "timestamp"),
        "data": without_empty(data),
    }
    try:
        mlflow_webhooks.promotion_row(kept, delivery_id=delivery_id, observed_at=moment)
    except MalformedDeliveryError as error:
        raise UnfitEventError("it is no delivery of an MLflow webhook") from error
    type_ = f"{kept['entity']}.{kept['action']}"
    return ReceivedEvent("mlflow", type_, delivery_id, request.received_at, kept)


def _take_github(request: PostedRequest, secret: str) -> ReceivedEvent | None:
    github_webhooks.verify_signature(request.body, request.headers, secret=secret)
    event = request.headers[github_webhooks.EVENT].lower()
    if event == github_events.PING:
        return None
    kept = github_events.stripped(event, cloudevents.parsed_json(request.body))
    key = github_events.key_of(request.body)
    return ReceivedEvent("github", event, key, request.received_at, kept)


def _verify(request: PostedRequest, secret: str) -> None:
    if is_signed(request.headers):
        verify_signature(
            request.body, request.headers, secret=secret, now=datetime.now(UTC)
        )
    else:
        verify_token(request.headers, secret=secret)


def _state(
    request: PostedRequest, kind: str, type_: str, kept: dict[str, Any], when: str = ""
) -> ReceivedEvent:
    """Return an event without an id, identified by its content."""
    said = json.dumps([kept, when], sort_keys=True)
    key = hashlib.sha256(said.encode()).hexdigest()
    return ReceivedEvent(kind, type_, key, request.received_at, kept)


ENDPOINTS = (
    Endpoint(re.compile("/events"), "/events", "events", _take_event),
    # DevLake's own paths name a connection in between.
    Endpoint(
        re.compile("/devlake(/.+)?/deployments"),
        "/devlake/deployments",
        "devlake",
        _take_deployment,
    ),
    Endpoint(
        re.compile("/devlake(/.+)?/issues"), "/devlake/issues", "devlake", _take_issue
    ),
    Endpoint(re.compile("/promotions"), "/promotions", "promotions", _take_notice),
    Endpoint(re.compile("/github"), "/github", "github", _take_github),
    Endpoint(re.compile("/mlflow"), "/mlflow", "mlflow", _take_mlflow),
)
