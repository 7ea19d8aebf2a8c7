"""Starts a real Prometheus on loopback, with a history or an exporter to scrape.

It is Debian's package ``prometheus``, which brings ``promtool``; tests that need it
skip where it is not installed.
"""

from __future__ import annotations

import shutil
import socket
import subprocess
import threading
import time
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Self

PROMETHEUS = shutil.which("prometheus")
PROMTOOL = shutil.which("promtool")
MISSING_REASON = "no prometheus and promtool here (Debian package prometheus)"
_START_SECONDS = 30


def is_installed() -> bool:
    """Tell whether a server can be started."""
    return PROMETHEUS is not None and PROMTOOL is not None


class Exporter:
    """Serves exposition text on loopback; ``text`` may change, ``is_up`` too."""

    def __init__(self) -> None:
        self.text = ""
        self.is_up = True
        exporter = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                content = exporter.text.encode()
                self.send_response(200 if exporter.is_up else 503)
                self.send_header("Content-Type", "text/plain; version=0.0.4")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                with suppress(BrokenPipeError, ConnectionResetError):
                    self.wfile.write(content)

            def log_message(self, format: str, *_: object) -> None:  # noqa: A002
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def real_prometheus(
    folder: Path, *, history: str = "", target: str = ""
) -> Iterator[str]:
    """Run a server while the context lasts; yields its address.

    Parameters
    ----------
    folder : Path
        Where it keeps its data.
    history : str
        OpenMetrics text that it is to know from the start.
    target : str
        Address of an exporter to scrape each second.
    """
    assert PROMETHEUS is not None
    data = folder / "data"
    if history:
        _write_blocks(history, folder, data)
    configuration = folder / "prometheus.yml"
    scraped = f"[{{targets: ['{target}']}}]" if target else "[]"
    configuration.write_text(
        "global: {scrape_interval: 1s, scrape_timeout: 1s}\n"
        f"scrape_configs: [{{job_name: dcgm, static_configs: {scraped}}}]\n",
        "utf-8",
    )
    port = _free_port()
    command = [
        PROMETHEUS,
        f"--config.file={configuration}",
        f"--storage.tsdb.path={data}",
        "--storage.tsdb.retention.time=365d",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    url = f"http://127.0.0.1:{port}"
    with (
        (folder / "prometheus.log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log) as process,
    ):
        try:
            _wait_until_ready(url, process, folder / "prometheus.log")
            yield url
        finally:
            process.terminate()


def _write_blocks(history: str, folder: Path, data: Path) -> None:
    assert PROMTOOL is not None
    text = folder / "history.om"
    text.write_text(history, "utf-8")
    command: list[str | Path] = [
        PROMTOOL,
        "tsdb",
        "create-blocks-from",
        "openmetrics",
        text,
        data,
    ]
    subprocess.run(command, check=True, capture_output=True)


def _wait_until_ready(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with httpx.Client(trust_env=False) as client:
        while time.monotonic() < deadline and process.poll() is None:
            with suppress(httpx.HTTPError):
                if client.get(f"{url}/-/ready").is_success:
                    return
            time.sleep(0.1)
    message = f"Prometheus did not start: {log.read_text('utf-8')[-2000:]}"
    raise RuntimeError(message)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
