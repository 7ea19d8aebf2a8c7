"""A Blob service on loopback: Azurite where it is installed, and one of our own.

Both answer the real ``azure-storage-blob`` client, which also writes here what a test
reads. Our own speaks the part of the REST API that is read (list, get, head) and
written (put), checks what a shared access signature allows, and misbehaves on demand;
Azurite, which needs Node.js, proves that it does so faithfully.

Source: Azure Storage REST API, *List Blobs*, *Get Blob*, *Put Blob*.
"""

from __future__ import annotations

import base64
import gc
import hashlib
import os
import socket
import subprocess
import threading
import time
import warnings
import weakref
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from tests.ingest.servers.http_server import turn_to

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.ingest.servers.http_server import PageFault

REPOSITORY = Path(__file__).resolve().parents[3]
ACCOUNT = "triptychtest"
ACCOUNT_KEY = base64.b64encode(b"loopback-key-that-no-message-may-show").decode()
CONTAINER = "exports"
#: Where ``make azurite`` installs it; another place: TRIPTYCH_AZURITE=path.
AZURITE = Path(
    os.environ.get("TRIPTYCH_AZURITE")
    or REPOSITORY / ".venv-azurite" / "node_modules" / ".bin" / "azurite-blob"
)
AZURITE_MISSING = "Azurite is not installed: make azurite (needs Node.js)"
LIBRARY_MISSING = "azure-storage-blob is not installed: it is an extra"


def has_library() -> bool:
    """Tell whether the client is installed."""
    try:
        import azure.storage.blob  # noqa: F401
    except ImportError:
        return False
    return True


def signature(permissions: str = "rl", *, minutes: int = 60) -> str:
    """Return a shared access signature of the container."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    token: str = generate_container_sas(
        ACCOUNT,
        CONTAINER,
        account_key=ACCOUNT_KEY,
        permission=ContainerSasPermissions.from_string(permissions),
        expiry=datetime.now(UTC) + timedelta(minutes=minutes),
    )
    return token


class BlobWriter:
    """The side that writes: a container, made when it is not there."""

    def __init__(self, account_url: str) -> None:
        from azure.storage.blob import ContainerClient

        credential = {"account_name": ACCOUNT, "account_key": ACCOUNT_KEY}
        self._client = ContainerClient(account_url, CONTAINER, credential=credential)
        weakref.finalize(self, self._client.close)
        if not self._client.exists():
            self._client.create_container()

    def put(self, key: str, content: bytes) -> None:
        """Write a blob, with its MD5 as Azure's own exports have it."""
        from azure.storage.blob import ContentSettings

        md5 = hashlib.md5(content, usedforsecurity=False).digest()
        settings = ContentSettings(content_md5=bytearray(md5))
        self._client.upload_blob(
            key, content, overwrite=True, content_settings=settings
        )

    def delete(self, key: str) -> None:
        """Delete a blob."""
        self._client.delete_blob(key)

    def contents(self) -> dict[str, bytes]:
        """Return name → content of all blobs."""
        return {
            name: self._client.download_blob(name).readall()
            for name in self._client.list_blob_names()
        }

    def clear(self) -> None:
        """Delete all blobs."""
        for name in list(self._client.list_blob_names()):
            self._client.delete_blob(name)


@contextmanager
def running_azurite(folder: Path) -> Iterator[str]:
    """Run Azurite on a free loopback port; yields the account's address."""
    port = _free_port()
    command = [str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(port)]
    command += ["--location", str(folder), "--skipApiVersionCheck", "--silent"]
    command += ["--disableTelemetry"]
    environment = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{ACCOUNT_KEY}"}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        try:
            _wait_until_listening(port, process)
            yield f"http://127.0.0.1:{port}/{ACCOUNT}"
        finally:
            process.terminate()


@dataclass(frozen=True, slots=True)
class Request:
    """A request as the server saw it; ``key`` is empty for the container's own."""

    method: str
    key: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """What goes wrong: an error, a body cut short, or a long wait."""

    status: int = 0
    code: str = ""
    keep_bytes: int | None = None
    wait_seconds: float = 0
    retry_after: str = ""


@dataclass(frozen=True, slots=True)
class _Blob:
    content: bytes
    etag: str
    modified: datetime
    md5: str


class LoopbackBlobs:
    """Our own server; ``on_request`` says what goes wrong."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.on_request: Callable[[Request], Fault | None] = lambda _request: None
        self.blobs: dict[str, _Blob] = {}
        self.has_container = False
        self.page_size = 5000
        self.page_fault: PageFault | None = None
        self._etags = count(1)
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/{ACCOUNT}"

    def __enter__(self) -> Self:
        serve = self._server.serve_forever
        threading.Thread(target=serve, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        # The library leaves the body of an answer that it tries again unread, and
        # the connection open.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ResourceWarning)
            gc.collect()

    def decide(self, request: Request) -> Fault | None:
        """Record a request, and return what goes wrong with it."""
        with self._lock:
            self.requests.append(request)
            return self.on_request(request)

    def store(self, key: str, content: bytes, md5: str) -> _Blob:
        """Keep a blob under a new ETag."""
        etag = f'"0x8DC{next(self._etags):012X}"'
        blob = _Blob(content, etag, datetime.now(UTC), md5)
        self.blobs[key] = blob
        return blob

    def listing(self, query: dict[str, str]) -> bytes:
        """Return the answer of List Blobs, a page of it."""
        prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
        entries: dict[str, _Blob | None] = {}
        for key, blob in sorted(self.blobs.items()):
            rest = key[len(prefix) :]
            if not key.startswith(prefix):
                continue
            if delimiter and delimiter in rest:
                entries[prefix + rest.split(delimiter)[0] + delimiter] = None
            else:
                entries[key] = blob
        names = sorted(entries)
        size = min(self.page_size, int(query.get("maxresults") or 5000))
        pages = [names[start : start + size] for start in range(0, len(names), size)]
        turned = turn_to(pages or [[]], query.get("marker") or None, self.page_fault)
        assert turned is not None
        items = "".join(_listed(name, entries[name]) for name in turned[0])
        following = turned[1] or ""
        return (
            '<?xml version="1.0" encoding="utf-8"?>'
            f'<EnumerationResults ContainerName="{CONTAINER}">'
            f"<Prefix>{escape(prefix)}</Prefix><Blobs>{items}</Blobs>"
            f"<NextMarker>{following}</NextMarker></EnumerationResults>"
        ).encode()


def _listed(name: str, blob: _Blob | None) -> str:
    if blob is None:
        return f"<BlobPrefix><Name>{escape(name)}</Name></BlobPrefix>"
    return (
        f"<Blob><Name>{escape(name)}</Name><Properties>"
        f"<Last-Modified>{format_datetime(blob.modified, usegmt=True)}</Last-Modified>"
        f"<Etag>{blob.etag.strip(chr(34))}</Etag>"
        f"<Content-Length>{len(blob.content)}</Content-Length>"
        f"<Content-MD5>{blob.md5}</Content-MD5>"
        "<BlobType>BlockBlob</BlobType><AccessTier>Hot</AccessTier>"
        "</Properties></Blob>"
    )


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that hang up are part of the script."""


def _handler(service: LoopbackBlobs) -> type[BaseHTTPRequestHandler]:  # noqa: C901  (one class)
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            pass

        def do_PUT(self) -> None:
            self._serve(self._put)

        def do_DELETE(self) -> None:
            self._serve(self._delete)

        def do_GET(self) -> None:
            self._serve(self._get)

        do_HEAD = do_GET  # noqa: N815

        def _serve(self, answer: Callable[[Request, bytes], None]) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = urlsplit(self.path)
            query = {name: v[-1] for name, v in parse_qs(parts.query).items()}
            key = unquote(parts.path).removeprefix(f"/{ACCOUNT}/{CONTAINER}")
            headers = {name.lower(): value for name, value in self.headers.items()}
            request = Request(self.command, key.lstrip("/"), query, headers)
            fault = service.decide(request)
            self._keep_bytes = None if fault is None else fault.keep_bytes
            if fault and fault.wait_seconds:
                time.sleep(fault.wait_seconds)
            with suppress(BrokenPipeError, ConnectionResetError):
                if fault and fault.status:
                    self._refuse(fault.status, fault.code, fault.retry_after)
                elif refusal := _refusal(request):
                    self._refuse(403, refusal)
                else:
                    answer(request, body)

        def _put(self, request: Request, body: bytes) -> None:
            if not request.key:
                service.has_container = True
                self._send(201, {})
                return
            md5 = request.headers.get("x-ms-blob-content-md5", "")
            blob = service.store(request.key, body, md5)
            self._send(201, _headers_of(blob))

        def _delete(self, request: Request, _: bytes) -> None:
            service.blobs.pop(request.key)
            self._send(202, {})

        def _get(self, request: Request, _: bytes) -> None:
            container = urlsplit(self.path).path.split("/")[2]
            if not service.has_container or container != CONTAINER:
                self._refuse(404, "ContainerNotFound")
            elif request.query.get("comp") == "list":
                headers = {"Content-Type": "application/xml"}
                self._send(200, headers, service.listing(request.query))
            elif not request.key:
                self._send(200, {"ETag": '"0x1"', "Last-Modified": _now()})
            elif (blob := service.blobs.get(request.key)) is None:
                self._refuse(404, "BlobNotFound")
            elif request.headers.get("if-match", blob.etag) != blob.etag:
                self._refuse(412, "ConditionNotMet")
            else:
                self._send_blob(request, blob)

        def _send_blob(self, request: Request, blob: _Blob) -> None:
            headers = _headers_of(blob)
            wanted = request.headers.get("x-ms-range") or request.headers.get("range")
            if wanted is None:
                self._send(200, headers, blob.content)
                return
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            total = len(blob.content)
            start, end = int(first), min(int(last or total - 1), total - 1)
            if start > end:
                self._refuse(416, "InvalidRange")
                return
            headers["Content-Range"] = f"bytes {start}-{end}/{total}"
            self._send(206, headers, blob.content[start : end + 1])

        def _refuse(self, status: int, code: str, retry_after: str = "") -> None:
            body = (
                '<?xml version="1.0" encoding="utf-8"?>'
                f"<Error><Code>{code}</Code>"
                f"<Message>signed {ACCOUNT_KEY}</Message></Error>"
            )
            headers = {"x-ms-error-code": code, "Content-Type": "application/xml"}
            if retry_after:
                headers["Retry-After"] = retry_after
            self._send(status, headers, body.encode())

        def _send(
            self, status: int, headers: dict[str, str], body: bytes = b""
        ) -> None:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("x-ms-version", "2026-02-06")
            self.send_header("Content-Length", str(len(body)))
            if self._keep_bytes is not None:
                body = body[: self._keep_bytes]
                self.close_connection = True
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    return Handler


def _headers_of(blob: _Blob) -> dict[str, str]:
    headers = {
        "ETag": blob.etag,
        "Last-Modified": format_datetime(blob.modified, usegmt=True),
        "x-ms-blob-type": "BlockBlob",
        "Accept-Ranges": "bytes",
        "Content-Type": "application/octet-stream",
    }
    if blob.md5:
        headers |= {"x-ms-blob-content-md5": blob.md5, "Content-MD5": blob.md5}
    return headers


def _refusal(request: Request) -> str:
    """Return why a credential does not allow a request; empty if it does."""
    if request.headers.get("authorization", "").startswith(f"SharedKey {ACCOUNT}:"):
        return ""
    if "sig" not in request.query:
        return "NoAuthenticationInformation"
    expiry = datetime.fromisoformat(request.query["se"])
    if expiry < datetime.now(UTC):
        return "AuthenticationFailed"
    needed = "l" if request.query.get("comp") == "list" else "r"
    allowed = request.query.get("sp", "")
    return "" if needed in allowed else "AuthorizationPermissionMismatch"


def _now() -> str:
    return format_datetime(datetime.now(UTC), usegmt=True)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_listening(port: int, process: subprocess.Popen[Any]) -> None:
    for _ in range(300):
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        if process.poll() is not None:
            break
        time.sleep(0.1)
    raise RuntimeError("Azurite does not start")
