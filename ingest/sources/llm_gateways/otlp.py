"""Decode spans of the OpenTelemetry protocol (OTLP), in protobuf and in JSON.

Only attributes that are asked for are decoded. Names of spans, events, links and
messages of errors are not looked at.

Source: open-telemetry/opentelemetry-proto 1.10, *OTLP Specification*: ids of JSON are
hexadecimal, and whole numbers of 64 bits are texts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from ingest.reading.event_rows import UnfitEventError

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

    from ingest.sources.llm_gateways.otel_conventions import Scalar

    Attributes = dict[str, Scalar]

_ERROR = 2
_JSON_VALUES: Mapping[str, Callable[[Any], Scalar]] = {
    "stringValue": str,
    "intValue": int,
    "doubleValue": float,
    "boolValue": bool,
}


class Span(NamedTuple):
    """A span with its wanted attributes; ids are hexadecimal, times in nanoseconds."""

    trace_id: str
    span_id: str
    parent_id: str
    started_ns: int
    is_error: bool
    trace_state: str
    attributes: Attributes


def spans_of_protobuf(body: bytes, wanted: Collection[str]) -> Iterator[Span]:
    """Yield the spans of an ``ExportTraceServiceRequest``.

    Raises
    ------
    UnfitEventError
        The body is no such message.
    """
    from google.protobuf.message import DecodeError
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
        ExportTraceServiceRequest,
    )

    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as error:
        raise UnfitEventError("the body is no protobuf of spans") from error
    for resource_spans in request.resource_spans:
        common = protobuf_attributes(resource_spans.resource.attributes, wanted)
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                yield Span(
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.status.code == _ERROR,
                    span.trace_state,
                    {**common, **protobuf_attributes(span.attributes, wanted)},
                )


def spans_of_json(request: object, wanted: Collection[str]) -> Iterator[Span]:
    """Yield the spans of an ``ExportTraceServiceRequest`` that was parsed from JSON.

    Raises
    ------
    UnfitEventError
        It has another form.
    """
    try:
        for resource_spans in _list(request, "resourceSpans"):
            resource = resource_spans.get("resource") or {}
            common = json_attributes(resource.get("attributes"), wanted)
            for scope_spans in _list(resource_spans, "scopeSpans"):
                for span in _list(scope_spans, "spans"):
                    yield _json_span(span, common, wanted)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise UnfitEventError("the body is no OTLP JSON of spans") from error


def parsed_otlp(body: bytes | str) -> dict[str, Any]:
    """Return the JSON object of a body or a line.

    Raises
    ------
    UnfitEventError
        It is no JSON object.
    """
    try:
        request = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnfitEventError("the body is no JSON") from error
    if not isinstance(request, dict):
        raise UnfitEventError("the body is no JSON object")
    return request


def protobuf_attributes(pairs: Iterable[Any], wanted: Collection[str]) -> Attributes:
    """Return the wanted attributes that are texts, numbers or yes and no."""
    attributes = {}
    for pair in pairs:
        if pair.key in wanted:
            kind = pair.value.WhichOneof("value")
            if kind in {"string_value", "int_value", "double_value", "bool_value"}:
                attributes[pair.key] = getattr(pair.value, kind)
    return attributes


def json_attributes(pairs: Any, wanted: Collection[str]) -> Attributes:  # noqa: ANN401
    """Return the wanted attributes of JSON that are texts, numbers or yes and no."""
    attributes: Attributes = {}
    for pair in pairs or ():
        if pair["key"] in wanted:
            for kind, value in pair["value"].items():
                if kind in _JSON_VALUES:
                    attributes[pair["key"]] = _JSON_VALUES[kind](value)
    return attributes


def _json_span(span: Any, common: Attributes, wanted: Collection[str]) -> Span:  # noqa: ANN401
    """Return a span of JSON."""
    status = span.get("status") or {}
    return Span(
        _hexadecimal(span["traceId"]),
        _hexadecimal(span["spanId"]),
        _hexadecimal(span.get("parentSpanId") or ""),
        int(span.get("startTimeUnixNano", 0)),
        status.get("code") in {_ERROR, "STATUS_CODE_ERROR"},
        str(span.get("traceState") or ""),
        {**common, **json_attributes(span.get("attributes"), wanted)},
    )


def _list(holder: Any, name: str) -> list[Any]:  # noqa: ANN401
    """Return the list under a name, empty where there is none."""
    values = holder.get(name) or []
    if not isinstance(values, list):
        raise TypeError(name)
    return values


def _hexadecimal(text: str) -> str:
    """Return an id in lower case."""
    return bytes.fromhex(text).hex()
