"""A real OpenID Connect provider on loopback, and a proxy that signs people in."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any
from urllib.error import URLError

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

#: Whom the provider knows, and their groups.
PEOPLE = {
    "fay": ["finance-group"],
    "finn": ["finance-group"],
    "vera": ["viewer-group"],
    "vito": ["vision-team"],
    "nemo": ["somebody-elses-group"],
}


@dataclass(frozen=True)
class Provider:
    """A provider and the client that is registered with it."""

    issuer: str
    client_id: str
    client_secret: str


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def wait_for(address: str, process: subprocess.Popen[Any]) -> None:
    """Wait until something answers at an address."""
    for _ in range(150):
        assert process.poll() is None, "the server ended"
        with suppress(URLError, ConnectionError):
            urllib.request.urlopen(address)  # noqa: S310
            return
        time.sleep(0.1)
    pytest.fail(f"nothing answers at {address}")


@contextmanager
def oidc_provider(log: Path, *, redirect_uri: str) -> Iterator[Provider]:
    """Run a provider that lets registered clients in only, and register one."""
    if find_spec("oidc_provider_mock") is None:
        pytest.skip("no OpenID Connect provider is installed")
    port = free_port()
    people = [
        ("--user-claims", json.dumps({"sub": name, "groups": groups}))
        for name, groups in PEOPLE.items()
    ]
    issuer = f"http://127.0.0.1:{port}"
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "oidc_provider_mock", "--port", str(port)),
                *("--require-registration", "true", "--require-nonce", "true"),
                *(word for pair in people for word in pair),
            ],
            stdout=output,
            stderr=output,
        )
        try:
            wait_for(f"{issuer}/.well-known/openid-configuration", process)
            yield _registered(issuer, redirect_uri)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _registered(issuer: str, redirect_uri: str) -> Provider:
    with urllib.request.urlopen(  # noqa: S310
        f"{issuer}/.well-known/openid-configuration"
    ) as answer:
        endpoint = json.load(answer)["registration_endpoint"]
    request = urllib.request.Request(  # noqa: S310
        endpoint,
        data=json.dumps({"redirect_uris": [redirect_uri]}).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request) as answer:  # noqa: S310
        told = json.load(answer)
    return Provider(issuer, told["client_id"], told["client_secret"])


@contextmanager
def dashboard_of(
    root: Path, log: Path, *, port: int, **environment: str
) -> Iterator[str]:
    """Serve a workspace with the command that operators use."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "triptych", "dashboard", "--headless"),
                *("--workspace", str(root), "--port", str(port)),
            ],
            cwd=log.parent,
            env={**os.environ, **environment},
            stdout=output,
            stderr=output,
        )
        address = f"http://127.0.0.1:{port}"
        try:
            wait_for(f"{address}/_stcore/health", process)
            yield address
        finally:
            process.terminate()
            process.wait(timeout=20)


class SigningProxy:
    """Passes connections on, with a header that says which groups somebody has.

    What clients send under that name is dropped, as a proxy must.
    """

    def __init__(self, port: int, *headers: str) -> None:
        self._target = port
        self._headers = headers
        self._server = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.close()

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._server.accept()
            except OSError:
                return
            threading.Thread(target=self._join, args=(client,), daemon=True).start()

    def _join(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            head = b""
            while b"\r\n\r\n" not in head:
                part = client.recv(65536)
                if not part:
                    return
                head += part
            with socket.create_connection(("127.0.0.1", self._target)) as server:
                server.sendall(self._signed(head))
                back = threading.Thread(
                    target=_pump, args=(server, client), daemon=True
                )
                back.start()
                _pump(client, server)
                back.join(timeout=5)

    def _signed(self, head: bytes) -> bytes:
        top, end, rest = head.partition(b"\r\n\r\n")
        request, *lines = top.split(b"\r\n")
        names = {header.partition(":")[0].lower() for header in self._headers}
        kept = [
            line
            for line in lines
            if line.partition(b":")[0].lower().decode() not in {*names, "connection"}
            or b"upgrade" in line.lower()
        ]
        is_upgrade = any(b"upgrade" in line.lower() for line in kept)
        # One request for a connection, so that each gets its header.
        own = [header.encode() for header in self._headers]
        close = [] if is_upgrade else [b"Connection: close"]
        return b"\r\n".join([request, *kept, *own, *close]) + end + rest


def _pump(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while part := source.recv(65536):
            target.sendall(part)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
