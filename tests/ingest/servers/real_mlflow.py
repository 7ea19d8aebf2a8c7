"""Starts a real MLflow server on loopback, and a client of its own kind beside it.

Both run in an environment of their own (``.venv-mlflow`` in the repository root),
because their dependencies are not triptych's; tests that need them skip without it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator

_BIN = Path(__file__).resolve().parents[3] / ".venv-mlflow" / "bin"
MISSING_REASON = "mlflow is not installed in .venv-mlflow"
_START_SECONDS = 90
_QUIET = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "DO_NOT_TRACK": "true",
    # Jobs want libraries that no test does.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}
#: Runs what it is told line by line, and answers with the value of ``told``.
_LOOP = """
import json, sys, time
import mlflow
from mlflow import MlflowClient
names = {"mlflow": mlflow, "client": MlflowClient(), "time": time, "told": None}
for line in sys.stdin:
    exec(json.loads(line), names)
    print("TOLD " + json.dumps(names["told"]), flush=True)
"""


def is_installed() -> bool:
    """Tell whether a server can be started."""
    return (_BIN / "mlflow").is_file()


@contextmanager
def real_mlflow(folder: Path) -> Iterator[str]:
    """Run a server with a store of its own while the context lasts."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [str(_BIN / "mlflow"), "server", "--host", "127.0.0.1", "--workers", "1"]
    command += ["--port", str(port), "--backend-store-uri", f"sqlite:///{folder}/db"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **_QUIET},
            stdout=log,
            stderr=log,
            # It starts workers, which are to end with it.
            start_new_session=True,
        ) as process,
    ):
        try:
            _wait_until_healthy(address, process)
            yield address
        finally:
            os.killpg(process.pid, signal.SIGTERM)


class MlflowUser:
    """MLflow's own client, in a process beside; a context manager.

    Statements know ``mlflow``, ``client``, ``time`` and what earlier ones named.
    """

    def __init__(self, address: str) -> None:
        self._address = address

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [str(_BIN / "python"), "-c", _LOOP],
            env={**os.environ, **_QUIET, "MLFLOW_TRACKING_URI": self._address},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._process.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        # It ends with its input.
        self._process.__exit__(None, None, None)

    def does(self, statements: str) -> Any:
        """Run statements; returns what they put into ``told``."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(statements) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("TOLD "):
                return json.loads(line.removeprefix("TOLD "))
        message = f"the client gave up on {statements!r}"
        raise AssertionError(message)


def _wait_until_healthy(address: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            if httpx.get(f"{address}/health", trust_env=False).is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    message = "MLflow did not start"
    raise AssertionError(message)
