"""Serves a workspace over HTTP as ``triptych mcp --http`` does."""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import uvicorn

from triptych.acts.door import WorkspaceDoor
from triptych.service.assistant.http_server import PATH, DeskOfToken, build_http_app

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from triptych.service.assistant.tokens import TokenFile


@contextmanager
def running(root: Path, tokens: TokenFile) -> Iterator[str]:
    """Serve a workspace on a free port of this machine; yields the address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    desk = DeskOfToken(root, door=WorkspaceDoor(root))
    config = uvicorn.Config(
        build_http_app(desk, tokens, port=port),
        host="127.0.0.1",
        port=port,
        log_level="error",
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    deadline = time.monotonic() + 20
    while not server.started and time.monotonic() < deadline:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}{PATH}"
    server.should_exit = True
    thread.join(timeout=20)
