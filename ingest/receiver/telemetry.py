"""Take spans of the OpenTelemetry protocol over HTTP, stripped before they are stored.

A batch is authenticated by its bearer token before its body is read. Attributes that
have no field are dropped here: no prompt, completion or argument reaches the disk.

Source: OpenTelemetry specification, *OTLP/HTTP*: a body of protobuf or JSON, perhaps
compressed by gzip, and an empty response message in the same format.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ingest.http.gzip_members import GzipMembers, TooLargeError
from ingest.reading.event_rows import UnfitEventError
from ingest.receiver.authentication import verify_token
from ingest.sources.llm_gateways.otel_spans import stripped
from ingest.sources.llm_gateways.otlp import (
    parsed_otlp,
    spans_of_json,
    spans_of_protobuf,
)
from triptych.core.errors import SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ingest.sources.llm_gateways.otel_conventions import Conventions

    Record = Mapping[str, Any]

_PROTOBUF, _JSON = "application/x-protobuf", "application/json"


@dataclass(frozen=True, slots=True)
class TelemetryEndpoint:
    """An address of OTLP.

    Parameters
    ----------
    shown : str
        Its path.
    secret : str
        Name of the secret that opens it.
    of_protobuf, of_json : callable
        Yields the stripped records of a body.
    """

    shown: str
    secret: str
    of_protobuf: Callable[[bytes, Conventions], Iterator[Record]]
    of_json: Callable[[bytes, Conventions], Iterator[Record]]

    def is_open_to(self, headers: Mapping[str, str], secret: str) -> bool:
        """Return True if a request carries the token."""
        try:
            verify_token(headers, secret=secret)
        except SourceAccessError:
            return False
        return True

    def records(
        self,
        body: bytes,
        headers: Mapping[str, str],
        conventions: Conventions,
        *,
        most_bytes: int,
    ) -> list[Record]:
        """Return the stripped records of a batch.

        Raises
        ------
        UnfitEventError
            The body is no batch, or larger than ``most_bytes`` once decompressed.
        """
        content = _decompressed(body, headers, most_bytes=most_bytes)
        format_ = _content_type(headers)
        if format_ == _PROTOBUF:
            return list(self.of_protobuf(content, conventions))
        if format_ == _JSON:
            return list(self.of_json(content, conventions))
        raise UnfitEventError("Content-Type is neither protobuf nor JSON")


def telemetry_endpoint_of(path: str) -> TelemetryEndpoint | None:
    """Return the endpoint at a path."""
    return next((each for each in _ENDPOINTS if each.shown == path), None)


def accepted(headers: Mapping[str, str]) -> tuple[str, bytes]:
    """Return content type and body of the answer to a batch that was kept."""
    return (_JSON, b"{}") if _content_type(headers) == _JSON else (_PROTOBUF, b"")


def _content_type(headers: Mapping[str, str]) -> str:
    """Return the media type of a body, without its parameters."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()


def _decompressed(body: bytes, headers: Mapping[str, str], *, most_bytes: int) -> bytes:
    """Return the content of a body that may be compressed."""
    if headers.get("content-encoding", "identity") == "identity":
        return body
    members = GzipMembers(most_bytes)
    try:
        content = members.decode(body)
    except zlib.error as error:
        raise UnfitEventError("the body is no gzip") from error
    except TooLargeError:
        raise UnfitEventError("the decompressed body is too large") from None
    if not members.is_whole:
        raise UnfitEventError("the gzip body is cut off")
    return content


def _protobuf_spans(body: bytes, conventions: Conventions) -> Iterator[Record]:
    """Yield the stripped spans of protobuf."""
    return stripped(spans_of_protobuf(body, conventions.wanted), conventions)


def _json_spans(body: bytes, conventions: Conventions) -> Iterator[Record]:
    """Yield the stripped spans of JSON."""
    spans = spans_of_json(parsed_otlp(body), conventions.wanted)
    return stripped(spans, conventions)


_ENDPOINTS = (
    TelemetryEndpoint("/v1/traces", "telemetry", _protobuf_spans, _json_spans),
)
SHOWN = tuple(endpoint.shown for endpoint in _ENDPOINTS)
