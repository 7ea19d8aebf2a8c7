"""Starts Spark Connect servers on loopback, and ends them.

One is pysail's, in an environment of its own (``.venv-pysail`` in the repository
root): it needs no JVM. The other is Apache Spark's, from the jars of pyspark.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

REPOSITORY = Path(__file__).resolve().parents[2]
SAIL = REPOSITORY / ".venv-pysail" / "bin" / "sail"
SAIL_MISSING = "pysail is not installed in .venv-pysail"
JAVA_MISSING = "Apache Spark needs Java 17, and there is no java here"
_START_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Server:
    """A running Spark Connect server."""

    address: str
    process: subprocess.Popen[bytes]

    def kill(self) -> None:
        """End the server and its children without warning."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()


def has_sail() -> bool:
    """Tell whether pysail's server can be started."""
    return SAIL.is_file()


def has_java() -> bool:
    """Tell whether Apache Spark can be started."""
    return shutil.which("java") is not None


@contextmanager
def running_sail(folder: Path, *, mode: str = "local") -> Iterator[Server]:
    """Run pysail's server; its tables go below ``folder``."""
    port = free_port()
    command = (str(SAIL), "spark", "server", "--ip", "127.0.0.1", "--port", str(port))
    with _running(command, port, folder, {"SAIL_MODE": mode}) as server:
        yield server


@contextmanager
def running_spark_connect(
    folder: Path, *, master: str = "local[2]", conf: Sequence[str] = ()
) -> Iterator[Server]:
    """Run Apache Spark's own Connect server, with its tables below ``folder``."""
    import pyspark

    port = free_port()
    home = Path(pyspark.__file__).parent
    settings = (
        f"spark.connect.grpc.binding.port={port}",
        "spark.connect.grpc.binding.address=127.0.0.1",
        "spark.driver.host=127.0.0.1",
        "spark.driver.bindAddress=127.0.0.1",
        "spark.ui.enabled=false",
        "spark.log.level=ERROR",
        "spark.sql.shuffle.partitions=8",
        f"spark.sql.warehouse.dir={folder / 'tables'}",
        *conf,
    )
    submit = (
        str(home / "bin" / "spark-submit"),
        *("--class", "org.apache.spark.sql.connect.service.SparkConnectServer"),
        *("--master", master, "--driver-memory", "3g"),
        *(part for setting in settings for part in ("--conf", setting)),
        "spark-internal",
    )
    environment = {"PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    with _running(submit, port, folder, environment) as server:
        yield server


@contextmanager
def _running(
    command: Sequence[str], port: int, folder: Path, environment: dict[str, str]
) -> Iterator[Server]:
    folder.mkdir(parents=True, exist_ok=True)
    with (
        (folder / "server.log").open("wb") as log,
        subprocess.Popen(
            command,
            cwd=folder,
            env={**os.environ, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            # Spark starts a JVM behind a shell: all of them are one group.
            start_new_session=True,
        ) as process,
    ):
        server = Server(f"sc://127.0.0.1:{port}", process)
        try:
            _wait_until_listening(port, process, folder / "server.log")
            yield server
        finally:
            if process.poll() is None:
                server.kill()


def _wait_until_listening(
    port: int, process: subprocess.Popen[bytes], log: Path
) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise RuntimeError(f"the server did not start: {log.read_text()[-2000:]}")


def free_port() -> int:
    """Return a port of loopback that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
