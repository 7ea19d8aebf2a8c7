"""The dashboard of a workspace, served on loopback for as long as it is looked at."""

from __future__ import annotations

import os
import socket
import subprocess
import time
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.error import URLError

from dashboard.app.server import command

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_ROOT: Final = Path(__file__).parents[1]
_PATIENCE_SECONDS: Final = 30.0


@contextmanager
def served_dashboard(
    root: Path,
    log: Path,
    *,
    headless: bool = True,
    environment: Mapping[str, str] = {},
    acts: str | None = None,
) -> Iterator[tuple[str, int]]:
    """Serve a workspace, from a folder that has nothing to do with it.

    Parameters
    ----------
    root : Path
        The workspace.
    log : Path
        File for what the server says; the server runs in its folder.
    headless : bool
        Whether to leave the browser closed.
    environment : mapping of str to str
        Variables besides those of this process.
    acts : str, optional
        Module of the door; without one pages only show.

    Yields
    ------
    address : str
        Host and port.
    pid : int
        The server's process.

    Raises
    ------
    RuntimeError
        The server ended, or does not answer.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with log.open("w") as output:
        process = subprocess.Popen(
            command(root, port=port, headless=headless, acts=acts),
            cwd=log.parent,
            env={**os.environ, "PYTHONPATH": str(_ROOT), **environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
        try:
            address = f"127.0.0.1:{port}"
            wait_until_healthy(address, process)
            yield address, process.pid
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_until_healthy(address: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until a server of Streamlit answers.

    Raises
    ------
    RuntimeError
        It ended, or does not answer.
    """
    last = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < last:
        if process.poll() is not None:
            raise RuntimeError("the server ended before it listened")
        try:
            with urllib.request.urlopen(f"http://{address}/_stcore/health"):
                return
        except URLError:
            time.sleep(0.1)
    raise RuntimeError("the server does not answer")
