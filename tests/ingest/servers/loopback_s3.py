"""Starts an S3-compatible server on loopback, and a proxy that misbehaves on demand.

The server is moto's, in an environment of its own (``.venv-moto`` in the repository
root), because its dependencies are not triptych's. The proxy stands between the real
boto3 client and that server and breaks what a test asks it to break.
"""

from __future__ import annotations

import functools
import http.client
import os
import re
import socket
import subprocess
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, urlsplit

from ingest.storage.aws_session import new_session
from tests.ingest.servers.http_server import turn_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

    from tests.ingest.servers.http_server import PageFault

REPOSITORY = Path(__file__).resolve().parents[3]
MOTO_SERVER = REPOSITORY / ".venv-moto" / "bin" / "moto_server"
MISSING_REASON = "moto_server is not installed in .venv-moto"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE01",
    "AWS_SECRET_ACCESS_KEY": "loopback-secret-that-no-message-may-show",
    "AWS_SESSION_TOKEN": "loopback-token-that-no-message-may-show",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
    "AWS_CONFIG_FILE": "/dev/null",
    "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
}
#: Entries in a page of a listing. Amazon's has a thousand, which take long to write.
KEYS_PER_PAGE = 50
#: What no message may show.
SECRETS = (ENVIRONMENT["AWS_SECRET_ACCESS_KEY"], ENVIRONMENT["AWS_SESSION_TOKEN"])


_OWN_HEADERS = {"transfer-encoding", "connection", "date", "content-length"}
_OWN_TOKEN = re.compile(r"&?continuation-token=[^&]*")
_TRUNCATED = re.compile(rb"<IsTruncated>\w+</IsTruncated>")
_ENTRY = re.compile(
    rb"<(Contents|CommonPrefixes)>.*?</(Contents|CommonPrefixes)>", re.DOTALL
)


def is_available() -> bool:
    """Tell whether the server can be started."""
    return MOTO_SERVER.is_file()


def set_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give boto3 credentials for the server, and none of the machine's."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@contextmanager
def running_s3() -> Iterator[str]:
    """Run the server on a free loopback port; yields its address."""
    port = _free_port()
    with subprocess.Popen(
        [str(MOTO_SERVER), "-H", "127.0.0.1", "-p", str(port)],
        env={**os.environ, "MOTO_S3_DEFAULT_MAX_KEYS": str(KEYS_PER_PAGE)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_listening(port, process)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()


@functools.cache
def client(endpoint_url: str) -> Any:
    """Return the boto3 client of the server, for the side that writes."""
    from botocore.config import Config

    return new_session(profile=None, region="us-east-1").client(
        "s3",
        endpoint_url=endpoint_url,
        aws_access_key_id="AKIAWRITER0000000000",
        aws_secret_access_key="writer",
        config=Config(request_checksum_calculation="when_required"),
    )


@contextmanager
def checking_who_asks(endpoint_url: str) -> Iterator[Callable[[], None]]:
    """Yield what makes the server check signatures and policies, until the end."""
    try:
        yield lambda: _check_every_request_after(0, endpoint_url)
    finally:
        _check_every_request_after(10**9, endpoint_url)


def _check_every_request_after(count: int, endpoint_url: str) -> None:
    request = urllib.request.Request(  # noqa: S310
        f"{endpoint_url}/moto-api/reset-auth",
        data=str(count).encode(),
        headers={"Content-Type": "text/plain"},
        method="POST",
    )
    with urllib.request.urlopen(request):  # noqa: S310
        pass


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the proxy saw it."""

    method: str
    path: str
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """Return the object's key (path-style addressing)."""
        return urlsplit(self.path).path.lstrip("/").partition("/")[2]


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: an S3 error instead, a body cut short, or a long wait."""

    status: int = 0
    code: str = ""
    message: str = "made up"
    keep_bytes: int | None = None
    wait_seconds: float = 0
    retry_after: str = ""


class FaultyProxy:
    """Forwards to a server, and asks ``on_request`` what to break.

    With a ``page_size`` it cuts listings into pages of its own, which go wrong as
    ``page_fault`` says.
    """

    def __init__(self, target: str) -> None:
        self.target = urlsplit(target)
        self.requests: list[Request] = []
        self.on_request: Callable[[Request], Fault | None] = lambda _request: None
        self.page_size: int | None = None
        self.page_fault: PageFault | None = None
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def decide(self, request: Request) -> Fault | None:
        """Record a request, and return what to break."""
        with self._lock:
            self.requests.append(request)
            return self.on_request(request)

    def reads_of(self, suffix: str) -> list[Request]:
        """Return the GET requests for objects whose key ends in ``suffix``."""
        return [
            request
            for request in self.requests
            if request.method == "GET" and request.key.endswith(suffix)
        ]

    def page_of(self, listing: bytes, token: str | None) -> bytes:
        """Return a page of a listing that the server gave whole."""
        assert self.page_size is not None
        entries = [match[0] for match in _ENTRY.finditer(listing)]
        pages = [
            entries[start : start + self.page_size]
            for start in range(0, len(entries), self.page_size)
        ]
        turned = turn_to(pages or [[]], token, self.page_fault)
        assert turned is not None
        items, following = turned
        truncated = "false" if following is None else "true"
        following = (
            following and f"<NextContinuationToken>{following}</NextContinuationToken>"
        )
        head = _TRUNCATED.sub(
            f"<IsTruncated>{truncated}</IsTruncated>{following or ''}".encode(),
            _ENTRY.sub(b"", listing),
        )
        return head.replace(
            b"</ListBucketResult>", b"".join(items) + b"</ListBucketResult>"
        )

    def __enter__(self) -> Self:
        threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        ).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(proxy: FaultyProxy) -> type[BaseHTTPRequestHandler]:  # noqa: C901  (one class)
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Else each answer waits some 40 ms for the headers to be acknowledged.
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._serve()

        def do_HEAD(self) -> None:
            self._serve()

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            pass

        def _serve(self) -> None:
            request = Request(self.command, self.path, dict(self.headers))
            fault = proxy.decide(request)
            time.sleep(fault.wait_seconds if fault else 0)
            with suppress(BrokenPipeError, ConnectionResetError):
                if fault and fault.status:
                    self._refuse(fault)
                else:
                    self._forward(fault)

        def _refuse(self, fault: Fault) -> None:
            body = (
                "<?xml version='1.0' encoding='UTF-8'?><Error>"
                f"<Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
            ).encode()
            self.send_response(fault.status)
            self.send_header("Content-Type", "application/xml")
            self.send_header("Content-Length", str(len(body)))
            if fault.retry_after:
                self.send_header("Retry-After", fault.retry_after)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def _forward(self, fault: Fault | None) -> None:
            assert proxy.target.hostname is not None
            upstream = http.client.HTTPConnection(
                proxy.target.hostname, proxy.target.port
            )
            token = parse_qs(urlsplit(self.path).query).get("continuation-token")
            is_cut = proxy.page_size is not None and "list-type=2" in self.path
            path = _OWN_TOKEN.sub("", self.path) if is_cut else self.path
            upstream.request(self.command, path, headers=dict(self.headers))
            answer = upstream.getresponse()
            body = answer.read()
            length = answer.getheader("Content-Length")
            if is_cut and answer.status == HTTPStatus.OK:
                body = proxy.page_of(body, token[0] if token else None)
                length = str(len(body))
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OWN_HEADERS:
                    self.send_header(name, value)
            self.send_header("Content-Length", length or str(len(body)))
            self.end_headers()
            keep = None if fault is None else fault.keep_bytes
            self.wfile.write(body[:keep])
            if keep is not None:
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            upstream.close()

    return Handler


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)
    message = "moto_server did not start"
    raise RuntimeError(message)
