"""CloudEvents over HTTP: structured and binary mode, and CDEvents without an envelope.

Source: CloudEvents 1.0 with its HTTP binding (cloudevents/spec), and the binding of
CDEvents to it (cdevents/spec ``cloudevents-binding.md``): the payload is the event of
CDEvents, with a context that repeats the envelope's attributes.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Any

from ingest.reading.event_rows import (
    UnfitEventError,
    identifier,
    instant,
    member,
    needed,
    without_empty,
)
from ingest.sources.events import cdevents
from ingest.sources.events.inbox import ReceivedEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

Event = dict[str, Any]

_STRUCTURED = "application/cloudevents+json"
_ATTRIBUTES = ("id", "source", "type", "specversion", "subject", "time")


def parsed_json(body: bytes) -> Event:
    """Return the JSON object that a body is.

    Raises
    ------
    UnfitEventError
        It is no JSON, or no object.
    """
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise UnfitEventError("the body is no JSON") from error
    if not isinstance(value, dict):
        raise UnfitEventError("the body is no JSON object")
    return value


def received(
    body: bytes, headers: Mapping[str, str], *, received_at: str
) -> ReceivedEvent:
    """Return the event of a request, in whichever mode it was sent.

    Parameters
    ----------
    body : bytes
        The request's body.
    headers : mapping of str to str
        Its headers, names in lower case.
    received_at : str
        Time of arrival.

    Raises
    ------
    UnfitEventError
        It is no event that can be kept.
    """
    content = parsed_json(body)
    if is_binary_mode(headers):
        envelope = {name: headers.get(f"ce-{name}") for name in _ATTRIBUTES}
        return of_envelope({**envelope, "data": content}, received_at=received_at)
    return of_file(content, received_at=received_at)


def is_binary_mode(headers: Mapping[str, str]) -> bool:
    """Return True if the attributes are in headers."""
    type_ = headers.get("content-type", "").partition(";")[0].strip().lower()
    return type_ != _STRUCTURED and "ce-specversion" in headers


def of_file(content: Event, *, received_at: str) -> ReceivedEvent:
    """Return the event of a JSON object: a CloudEvent, or an event of CDEvents.

    Raises
    ------
    UnfitEventError
        It is neither.
    """
    if isinstance(content.get("context"), dict):
        return _of_cdevent(content, received_at=received_at)
    if "specversion" in content:
        return of_envelope(content, received_at=received_at)
    raise UnfitEventError("it is neither a CloudEvent nor an event of CDEvents")


def of_envelope(envelope: Event, *, received_at: str) -> ReceivedEvent:
    """Return the event that an envelope carries.

    Raises
    ------
    UnfitEventError
        An attribute that CloudEvents require is missing.
    """
    if identifier(envelope, "specversion") != "1.0":
        raise UnfitEventError("specversion is not 1.0")
    kept = {
        **{name: needed(envelope, name) for name in ("id", "source", "type")},
        "time": instant(envelope, "time"),
        "subject": None,
    }
    data = _data(envelope)
    if isinstance(member(data, "context"), dict):
        _refuse_another_event(kept, data)
        return _of_cdevent(data, received_at=received_at)
    key = json.dumps([kept["source"], kept["id"]])
    return ReceivedEvent(
        "cloudevents", str(kept["type"]), key, received_at, without_empty(kept)
    )


def _refuse_another_event(envelope: Event, data: Event) -> None:
    for name in ("id", "source", "type"):
        if envelope[name] != needed(data, "context", name):
            raise UnfitEventError(f"context.{name} is not that of the envelope")


def _data(envelope: Event) -> Any:  # noqa: ANN401  (any JSON value)
    encoded = envelope.get("data_base64")
    if encoded is None:
        return envelope.get("data")
    try:
        return parsed_json(base64.b64decode(str(encoded), validate=True))
    except (binascii.Error, ValueError) as error:
        raise UnfitEventError("data_base64 is no base64") from error


def _of_cdevent(event: Event, *, received_at: str) -> ReceivedEvent:
    kept = cdevents.stripped(event)
    key = json.dumps([kept["context"]["source"], kept["context"]["id"]])
    type_ = str(kept["context"]["type"]).removeprefix("dev.cdevents.")
    return ReceivedEvent("cdevents", type_, key, received_at, kept)


def _no_number(text: str) -> object:
    raise ValueError(text)
