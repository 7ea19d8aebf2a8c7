"""A web hook and a mail server that keep what arrives, and who sends there."""

from __future__ import annotations

import json
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest
from aiosmtpd.controller import Controller

from tests.triptych.service.alerts.alert_case import Case, Endpoint, Inbox
from triptych.core.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    endpoint = Endpoint()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            if endpoint.is_up:
                endpoint.bodies.append(json.loads(body))
            if endpoint.moved_to:
                self.send_response(302)
                self.send_header("Location", endpoint.moved_to)
            else:
                self.send_response(200 if endpoint.is_up else 503)
            self.end_headers()

        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    endpoint.url = f"json://127.0.0.1:{server.server_port}/"
    yield endpoint
    server.shutdown()
    server.server_close()


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    inbox = Inbox()
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    inbox.url = (
        f"mailto://127.0.0.1:{port}?from=triptych@example.com&to=cfo@example.com"
        "&mode=insecure&format=text"
    )
    controller = Controller(inbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield inbox
    controller.stop()


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: Endpoint) -> Case:
    monkeypatch.setenv("TRIPTYCH_NOTIFY_ALL", endpoint.url)
    monkeypatch.setenv("TRIPTYCH_NOTIFY_VISION", endpoint.url)
    return Case(Workspace(tmp_path))
