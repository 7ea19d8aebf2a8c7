"""The receiver's HTTP server: small bodies, bounded time, an answer for everything.

A thread serves a single connection and request. A slow client is cut off after a time
that does not depend on how slowly it sends, and cannot keep others waiting.

No message and no log line holds a body, a header or a query: an endpoint, a status, a
type, and the name of a field that is wrong.
"""

from __future__ import annotations

import contextlib
import json
import logging
import socket
import socketserver
import threading
import time
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ingest.reading.event_rows import UnfitEventError
from ingest.receiver.endpoints import ENDPOINTS, Endpoint, endpoint_of, posted
from ingest.receiver.telemetry import (
    SHOWN,
    TelemetryEndpoint,
    accepted,
    telemetry_endpoint_of,
)
from triptych import __version__
from triptych.core.errors import SourceAccessError, UsageError
from triptych.core.log_events import LogEvent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.sources.events.inbox import Inbox
    from ingest.sources.llm_gateways.otel_conventions import Conventions
    from ingest.sources.llm_gateways.telemetry_log import TelemetryLog

    AnyEndpoint = Endpoint | TelemetryEndpoint

log = logging.getLogger(__name__)

_CHECK_SECONDS = 0.25
_BACKLOG = 512
#: Connections above the limit with threads that are about to end.
_GIVING_WAY = 64
#: Permitted uses of an API answer: nothing that a browser shows.
_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}
#: Time for which data after a refusal is read, or the client would not receive it.
_LINGER_SECONDS = 1.0
_LINGER_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on a single request.

    Parameters
    ----------
    max_body_bytes : int
        A larger body is refused unread.
    max_telemetry_bytes : int
        The same for spans, which come in batches; also once decompressed.
    request_seconds : float
        Time that a request may take to arrive, its first byte to its last.
    max_connections : int
        Connections at a time; where there are more, the idlest are hung up on.
    """

    max_body_bytes: int = 1024 * 1024
    max_telemetry_bytes: int = 16 * 1024 * 1024
    request_seconds: float = 10.0
    max_connections: int = 256


class Receiver(ThreadingHTTPServer):
    """HTTP server that keeps the events posted to it.

    Parameters
    ----------
    inbox : Inbox
        Store of the events.
    telemetry : TelemetryLog
        Store of the spans.
    conventions : Conventions
        Attributes that are kept of spans.
    secrets : mapping of str to str
        Name of a secret → the secret; an endpoint without its secret refuses.
    host : str
        Address to listen on.
    port : int
        Port to listen on; 0 takes a free port.
    limits : Limits
        Limits on a single request.

    Raises
    ------
    UsageError
        It cannot listen there.
    """

    daemon_threads = False
    block_on_close = True
    request_queue_size = _BACKLOG

    def __init__(
        self,
        inbox: Inbox,
        telemetry: TelemetryLog,
        *,
        conventions: Conventions,
        secrets: Mapping[str, str],
        host: str,
        port: int,
        limits: Limits | None = None,
    ) -> None:
        self.inbox = inbox
        self.telemetry = telemetry
        self.conventions = conventions
        self.secrets = secrets
        self.limits = limits or Limits()
        self._arriving: dict[socket.socket, float] = {}
        self._open_count = 0
        self._guard = threading.Lock()
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise UsageError(
                f"The receiver cannot listen on {host}:{port}: {error.strerror}.",
                next_step="Stop what listens there, or name another port with --port.",
            ) from error

    def server_bind(self) -> None:
        """Bind without asking a name server for the name of this machine."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]

    def serve(self) -> None:
        """Serve until :meth:`shutdown`, then finish open requests."""
        try:
            self.serve_forever(poll_interval=_CHECK_SECONDS)
        finally:
            self.server_close()

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Serve a connection in a new thread, if there are not too many.

        If there are, the client that has waited longest without a whole request gives
        way: idle connections must not keep others out.
        """
        with self._guard:
            limit = self.limits.max_connections
            if self._open_count >= limit:
                self._hang_up_on_the_idlest()
            is_served = self._open_count < limit + _GIVING_WAY
            if is_served:
                self._open_count += 1
                self._arriving[request] = time.monotonic()
        if is_served:
            super().process_request(request, client_address)
        else:
            log.warning(
                LogEvent("connection_refused", open_connections=self._open_count)
            )
            self.shutdown_request(request)

    def _hang_up_on_the_idlest(self) -> None:
        """Make room; called with the guard held."""
        if self._arriving:
            idlest = min(self._arriving, key=self._arriving.__getitem__)
            del self._arriving[idlest]
            log.warning(
                LogEvent("idle_connection_closed", open_connections=self._open_count)
            )
            with contextlib.suppress(OSError):
                idlest.shutdown(socket.SHUT_RDWR)

    def process_request_thread(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Serve it, and count it out."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            with self._guard:
                self._arriving.pop(request, None)
                self._open_count -= 1

    def has_arrived(self, connection: socket.socket) -> None:
        """Note that a request is here as a whole: from now on it is our own time."""
        with self._guard:
            self._arriving.pop(connection, None)

    def service_actions(self) -> None:
        """Hang up on clients that take too long; called several times a second."""
        oldest = time.monotonic() - self.limits.request_seconds
        with self._guard:
            late = [one for one, since in self._arriving.items() if since < oldest]
            for connection in late:
                del self._arriving[connection]
                log.warning("request_too_slow")
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """Report that a connection broke, without the posted content."""
        del request, client_address
        log.warning("connection_broke")


class _Handler(BaseHTTPRequestHandler):
    """Handler of a single request."""

    server: Receiver
    protocol_version = "HTTP/1.1"
    server_version = f"triptych/{__version__}"
    sys_version = ""
    has_unread_body = False

    def setup(self) -> None:
        self.timeout = self.server.limits.request_seconds  # type: ignore[misc]
        super().setup()

    def finish(self) -> None:
        super().finish()
        if self.has_unread_body:
            _read_out(self.connection)

    def do_GET(self) -> None:
        if self._endpoint_path == "/health":
            self._answer(HTTPStatus.OK, {"status": "ok"})
        else:
            self._answer(HTTPStatus.METHOD_NOT_ALLOWED, {"error": "post events here"})

    def do_POST(self) -> None:
        self.has_unread_body = True
        endpoint = self._endpoint
        if endpoint is None:
            known = [*(each.shown for each in ENDPOINTS), *SHOWN]
            self._answer(HTTPStatus.NOT_FOUND, {"error": "no endpoint", "known": known})
            return
        secret = self.server.secrets.get(endpoint.secret)
        if secret is None:
            self._refuse(endpoint, HTTPStatus.SERVICE_UNAVAILABLE, "no secret is set")
            return
        is_telemetry = isinstance(endpoint, TelemetryEndpoint)
        if is_telemetry and not endpoint.is_open_to(self._lower_headers, secret):
            # Before the body is read: it may be large.
            self._refuse(endpoint, HTTPStatus.UNAUTHORIZED, "not authenticated")
            return
        body = self._read_body(endpoint)
        if body is not None and isinstance(endpoint, TelemetryEndpoint):
            self._take_telemetry(endpoint, body)
        elif body is not None and isinstance(endpoint, Endpoint):
            self._take(endpoint, secret, body)

    def handle_expect_100(self) -> bool:
        """Ask nobody for a body that will be refused."""
        endpoint = self._endpoint
        if endpoint is not None and not self._has_fitting_length(endpoint):
            return False
        return super().handle_expect_100()

    def _take_telemetry(self, endpoint: TelemetryEndpoint, body: bytes) -> None:
        """Keep a batch of spans or metrics, and answer in its own format."""
        try:
            records = endpoint.records(
                body,
                self._lower_headers,
                self.server.conventions,
                most_bytes=self.server.limits.max_telemetry_bytes,
            )
            self.server.telemetry.append(records)
        except UnfitEventError as error:
            self._refuse(endpoint, HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            self._not_kept(endpoint, error)
        else:
            log.info(
                LogEvent("batch_taken", endpoint=endpoint.shown, records=len(records))
            )
            type_, content = accepted(self._lower_headers)
            self._send(HTTPStatus.OK, type_, content)

    def _take(self, endpoint: Endpoint, secret: str, body: bytes) -> None:
        try:
            request = posted(self._endpoint_path, self._lower_headers, body)
            event = endpoint.take(request, secret)
            is_new = event is not None and self.server.inbox.keep(event)
        except SourceAccessError:
            self._refuse(endpoint, HTTPStatus.UNAUTHORIZED, "not authenticated")
        except UnfitEventError as error:
            self._refuse(endpoint, HTTPStatus.BAD_REQUEST, str(error))
        except OSError as error:
            self._not_kept(endpoint, error)
        else:
            if event is None:
                self._answer(HTTPStatus.OK, {"status": "reached"})
                return
            log.info(LogEvent("event_taken", endpoint=endpoint.shown, is_new=is_new))
            told = "accepted" if is_new else "accepted before"
            self._answer(HTTPStatus.ACCEPTED, {"status": told, "id": event.identity})

    def _not_kept(self, endpoint: AnyEndpoint, error: OSError) -> None:
        """Answer that the disk takes nothing; the sender tries again."""
        log.error(
            LogEvent("event_not_kept", endpoint=endpoint.shown, because=error.strerror)
        )
        self._answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "try again later"})

    def _read_body(self, endpoint: AnyEndpoint) -> bytes | None:
        if not self._has_fitting_length(endpoint):
            return None
        length = int(self.headers["Content-Length"])
        body = self.rfile.read(length)
        if len(body) < length:
            # The client hung up, or was hung up on: there is nobody to answer.
            self.close_connection = True
            log.warning(LogEvent("request_cut_off", endpoint=endpoint.shown))
            return None
        self.has_unread_body = False
        self.server.has_arrived(self.connection)
        return body

    def _has_fitting_length(self, endpoint: AnyEndpoint) -> bool:
        limits = self.server.limits
        is_telemetry = isinstance(endpoint, TelemetryEndpoint)
        encodings = {"identity", "gzip"} if is_telemetry else {"identity"}
        if self.headers.get("Content-Encoding", "identity") not in encodings:
            status = HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            self._refuse(endpoint, status, "send the body uncompressed")
            return False
        given = self.headers.get("Content-Length", "")
        if not (given.isascii() and given.isdigit()):
            self._refuse(endpoint, HTTPStatus.LENGTH_REQUIRED, "no Content-Length")
            return False
        most = limits.max_telemetry_bytes if is_telemetry else limits.max_body_bytes
        if int(given) > most:
            status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
            self._refuse(endpoint, status, "the body is too large")
            return False
        return True

    def _refuse(self, endpoint: AnyEndpoint, status: HTTPStatus, why: str) -> None:
        log.warning(
            LogEvent(
                "event_refused",
                endpoint=endpoint.shown,
                status=status.value,
                because=why,
            )
        )
        self._answer(status, {"error": why})

    def _answer(self, status: HTTPStatus, content: object) -> None:
        self._send(status, "application/json", json.dumps(content).encode())

    def _send(self, status: HTTPStatus, type_: str, body: bytes) -> None:
        # A single request for each connection: the rest of a refused body is not a
        # request.
        self.close_connection = True
        self.send_response(status)
        self.send_header("Content-Type", type_)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        for name, value in _HEADERS.items():
            self.send_header(name, value)
        if status == HTTPStatus.UNAUTHORIZED:
            self.send_header("WWW-Authenticate", "Bearer")
        self.end_headers()
        self.wfile.write(body)

    @property
    def _endpoint(self) -> AnyEndpoint | None:
        path = self._endpoint_path
        return telemetry_endpoint_of(path) or endpoint_of(path)

    @property
    def _lower_headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    @property
    def _endpoint_path(self) -> str:
        return urlsplit(self.path).path.rstrip("/") or "/"

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing: the parent would print the request's line."""


def _read_out(connection: socket.socket) -> None:
    """Read the rest of a refused client's data, so that it gets the reason."""
    left, deadline = _LINGER_BYTES, time.monotonic() + _LINGER_SECONDS
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_WR)
        connection.settimeout(_LINGER_SECONDS)
        while left > 0 and time.monotonic() < deadline:
            taken = len(connection.recv(min(left, 64 * 1024)))
            if not taken:
                return
            left -= taken
