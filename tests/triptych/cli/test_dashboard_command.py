"""``triptych dashboard`` and ``demo`` as they are started and ended."""

from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from tests.triptych.cli.commands import (
    invoke,
    start,
)

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("no_variables_of_the_machine")


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def until_it_answers(address: str, is_alive: Callable[[], bool]) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and is_alive():
        try:
            with urlopen(address, timeout=2) as answer:  # noqa: S310  (loopback)
                return str(answer.read().decode())
        except OSError:
            time.sleep(0.2)
    raise AssertionError(f"{address} did not answer")


def served(
    published: Path, end: Callable[[subprocess.Popen[str]], object]
) -> tuple[int, dict[str, str]]:
    """Serve until ``end``; return the exit code and the headers of a page."""
    port = free_port()
    with start(
        "dashboard", "--headless", "--port", str(port), "-w", published
    ) as process:
        health = until_it_answers(
            f"http://127.0.0.1:{port}/_stcore/health", lambda: process.poll() is None
        )
        assert health == "ok"
        with urlopen(f"http://127.0.0.1:{port}/", timeout=30) as page:
            headers = {**page.headers}
        with pytest.raises(HTTPError, match="404"):
            urlopen(f"http://127.0.0.1:{port}/_stcore/metrics", timeout=30)
        end(process)
        told, _ = process.communicate(timeout=60)
    assert told.startswith(f"Dashboard: http://127.0.0.1:{port} ")
    with socket.create_server(("127.0.0.1", port)):
        pass  # nothing is left behind that listens there
    return process.returncode, headers


def test_the_address_is_printed_once_the_server_takes_connections(
    published: Path,
) -> None:
    port = free_port()
    with start(
        "dashboard", "--headless", "--port", str(port), "-w", published
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("Dashboard: ")
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        process.terminate()
        process.communicate(timeout=60)


def test_the_dashboard_serves_on_loopback_until_it_is_stopped(published: Path) -> None:
    code, headers = served(published, lambda process: process.terminate())
    assert code == 143
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-frame-options"] == "DENY"
    assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.full  # fast: the one above, and test_ctrl_c_ends_a_command… of test_cli.py
def test_ctrl_c_ends_the_dashboard(published: Path) -> None:
    code, _ = served(published, lambda process: os.killpg(process.pid, signal.SIGINT))
    assert code == 130


def test_a_taken_port_is_refused_with_the_way_out(published: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = invoke("dashboard", "--port", str(port), "-w", published)

    assert result.exit_code == 2
    assert "name another port with --port" in result.stderr


def test_the_demo_does_not_touch_a_folder_that_is_in_use(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").touch()

    result = invoke("demo", tmp_path, "--no-dashboard")

    assert result.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


@pytest.mark.full
def test_the_demo_finds_the_models_and_does_not_simulate_twice(tmp_path: Path) -> None:
    options = ("--months", "6", "--scale", "0.05", "--no-dashboard")
    folder = tmp_path / "demo"

    first = invoke("demo", folder, *options)
    second = invoke("demo", folder, *options)
    other = invoke("demo", folder, *options, "--seed", "8")

    assert (first.exit_code, second.exit_code, other.exit_code) == (0, 0, 2)
    assert first.stdout == second.stdout
    assert first.stdout.startswith("SYNTHETIC: ")
    assert "maintenance-vision" in first.stdout
    assert "simulate the sample company: done" in first.stderr
    assert "simulate" not in second.stderr
    assert "no sample company of these options" in other.stderr
