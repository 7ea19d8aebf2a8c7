"""Starts a BigQuery emulator on loopback, fills it, and answers errors on demand.

The emulator is bqemulator, in an environment of its own (``.venv-bqemulator`` in the
repository root), because its dependencies are not triptych's. The tests speak to it
with the real BigQuery client.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager, suppress
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.ingest.servers.http_server import Answer, turn_to

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from google.cloud import bigquery

    from tests.ingest.servers.http_server import Request, ScriptedServer

REPOSITORY = Path(__file__).resolve().parents[3]
BQEMULATOR = REPOSITORY / ".venv-bqemulator" / "bin" / "bqemulator"
MISSING_REASON = "bqemulator is not installed in .venv-bqemulator"


def is_available() -> bool:
    """Tell whether the emulator can be started."""
    return BQEMULATOR.is_file()


@contextmanager
def running_bigquery(log_folder: Path) -> Iterator[str]:
    """Run the emulator on free loopback ports; yields its address."""
    rest_port, grpc_port = _free_ports(2)
    command = [str(BQEMULATOR), "start", "--ephemeral"]
    command += ["--rest-host", "127.0.0.1", "--rest-port", str(rest_port)]
    command += ["--grpc-host", "127.0.0.1", "--grpc-port", str(grpc_port)]
    # Its database looks for the spatial extension below the home folder.
    environment = {**os.environ, "HOME": str(BQEMULATOR.parents[1])}
    with (
        (log_folder / "bqemulator.log").open("wb") as log,
        subprocess.Popen(
            command, stdout=log, stderr=log, cwd=log_folder, env=environment
        ) as process,
    ):
        try:
            _wait_until_listening(rest_port, process)
            yield f"http://127.0.0.1:{rest_port}"
        finally:
            process.terminate()


def client(api_endpoint: str, project: str) -> bigquery.Client:
    """Return a client of the emulator, for the side that writes."""
    from google.api_core.client_options import ClientOptions
    from google.auth.credentials import AnonymousCredentials
    from google.cloud import bigquery

    anonymous: Any = AnonymousCredentials
    return bigquery.Client(
        project=project,
        credentials=anonymous(),
        client_options=ClientOptions(api_endpoint=api_endpoint),
    )


def schema_of(fields: Sequence[Any]) -> list[bigquery.SchemaField]:
    """Return a schema from ``(name, type)`` or ``(name, mode, [fields])`` tuples."""
    from google.cloud.bigquery import SchemaField

    schema = []
    for field in fields:
        if len(field) == 2:
            schema.append(SchemaField(field[0], field[1]))
        else:
            name, mode, children = field
            schema.append(SchemaField(name, "RECORD", mode, fields=schema_of(children)))
    return schema


def create_table(
    writer: bigquery.Client,
    path: str,
    fields: Sequence[Any],
    *,
    partitioned_by: str | None = "",
) -> None:
    """Create a table; ``partitioned_by`` empty means by ingestion time."""
    from google.cloud import bigquery

    table = bigquery.Table(path, schema=schema_of(fields))
    if partitioned_by is not None:
        field = partitioned_by or None
        table.time_partitioning = bigquery.TimePartitioning(field=field)
    writer.create_dataset(path.rpartition(".")[0], exists_ok=True)
    writer.create_table(table)


def insert(writer: bigquery.Client, path: str, rows: Sequence[dict[str, Any]]) -> None:
    """Append rows to a table."""
    refused = writer.insert_rows_json(path, list(rows))
    assert not refused, refused


@contextmanager
def refusing_bigquery(
    status: int,
    *,
    reason: str,
    message: str,
    fail_only: int | None = None,
    then: str | None = None,
) -> Iterator[tuple[str, list[str]]]:
    """Run a server that answers every request with one error.

    Parameters
    ----------
    status, reason, message : int, str, str
        The error, as BigQuery words it.
    fail_only : int, optional
        After so many errors, redirect to ``then``.
    then : str, optional
        Address of a server that answers.

    Yields
    ------
    tuple of (str, list of str)
        Its address, and the paths that were asked for.
    """
    asked: list[str] = []
    detail = {"reason": reason, "message": message, "domain": "global"}
    error = {"code": status, "message": message, "errors": [detail]}
    body = json.dumps({"error": error}).encode()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            asked.append(self.path)
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if then is not None and fail_only is not None and len(asked) > fail_only:
                # 307 keeps the method and the body.
                self.send_response(307)
                self.send_header("Location", then + self.path)
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = _answer  # noqa: N815

        def log_message(self, format: str, *_: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()


def forward(server: ScriptedServer, to: str) -> None:
    """Let a scripted server answer as the emulator at ``to``, its pages its own."""

    def ask(request: Request, token: str | None = None) -> Answer:
        query = {**request.query, **({"pageToken": [token]} if token else {})}
        question = urllib.request.Request(  # noqa: S310
            f"{to}{request.path}?{urlencode(query, doseq=True)}",
            data=request.body or None,
            method=request.method,
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(question) as answer:  # noqa: S310
                return Answer(answer.read())
        except urllib.error.HTTPError as error:
            return Answer(error.read(), error.code)

    def turned(request: Request) -> Answer:
        token = request.query.pop("pageToken", [None])[0]
        first = ask(request)
        content = json.loads(first.content())
        pages = [content.get("rows", [])]
        while content.get("pageToken"):
            content = json.loads(ask(request, content["pageToken"]).content())
            pages.append(content["rows"])
        found = turn_to(pages, token, server.page_fault)
        if first.status != HTTPStatus.OK or found is None:
            return first
        content = {**json.loads(first.content()), "rows": list(found[0])}
        content.pop("pageToken", None)
        return Answer(content | ({"pageToken": found[1]} if found[1] else {}))

    def answer(request: Request) -> Answer:
        is_results = request.method == "GET" and "/queries/" in request.path
        copy = replace(request, query=dict(request.query))
        return turned(copy) if is_results else ask(request)

    for method in ("GET", "POST"):
        server.route(method, "/*", answer)


def dead_address() -> str:
    """Return an address on loopback where nobody listens."""
    return f"127.0.0.1:{_free_ports(1)[0]}"


def _free_ports(count: int) -> list[int]:
    listeners = [socket.socket() for _ in range(count)]
    try:
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        return [int(listener.getsockname()[1]) for listener in listeners]
    finally:
        for listener in listeners:
            listener.close()


def _wait_until_listening(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.1)
    message = "bqemulator did not start"
    raise RuntimeError(message)
