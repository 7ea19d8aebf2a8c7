"""A real ``triptych receive`` on loopback, in a process of its own, and its clients."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass, field
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

KEY = "a-made-up-key-for-the-tests-0001"
VARIABLES = {
    "TRIPTYCH_EVENTS_KEY": KEY,
    "TRIPTYCH_DEVLAKE_KEY": KEY,
    "TRIPTYCH_PROMOTIONS_KEY": KEY,
    "TRIPTYCH_MLFLOW_WEBHOOK_KEY": KEY,
    "TRIPTYCH_GITHUB_WEBHOOK_KEY": KEY,
    "TRIPTYCH_TELEMETRY_KEY": KEY,
}
BEARER = {"Authorization": f"Bearer {KEY}"}
_ADDRESS = re.compile(r"http://127\.0\.0\.1:(\d+)")


@dataclass
class ReceiverProcess:
    """Runs while its context lasts; ``log`` is what it said when it has ended."""

    workspace: Path
    settings: str = ""
    environment: dict[str, str] = field(default_factory=lambda: dict(VARIABLES))
    port: int = 0
    log: str = ""
    process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        self.workspace.mkdir(exist_ok=True)
        (self.workspace / "triptych.yml").write_text(
            f"organisation: Acme\ncurrency: EUR\n{self.settings}"
        )
        with (self.workspace / "receiver.log").open("a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "triptych", "receive", "--port", "0", "-v"],
                cwd=self.workspace,
                env={**os.environ, **self.environment},
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        found = _ADDRESS.search(line)
        assert found, line + (self.workspace / "receiver.log").read_text()
        self.port = int(found[1])
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> int:
        """Ask it to end, and return its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.terminate()
        return self._ended()

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self._ended()

    def _ended(self) -> int:
        assert self.process is not None
        assert self.process.stdout is not None
        code = self.process.wait(30)
        self.process.stdout.close()
        self.log = (self.workspace / "receiver.log").read_text()
        return code

    def post(
        self, path: str, body: object, headers: dict[str, str] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Post a body, JSON unless it is bytes, and return status and answer."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            told = {"Content-Type": "application/json", **(headers or {})}
            connection.request("POST", path, content, told)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def files(self) -> list[Path]:
        """Return the events in the inbox."""
        return sorted((self.workspace / "inbox").glob("*/*.json"))

    def kept(self) -> list[dict[str, Any]]:
        """Return the contents of the inbox."""
        return [json.loads(path.read_text()) for path in self.files()]


def signed(
    body: bytes, *, message_id: str = "m-1", sent: float | None = None
) -> dict[str, str]:
    """Return the headers of Standard Webhooks."""
    stamp = str(int(time.time() if sent is None else sent))
    content = f"{message_id}.{stamp}.".encode() + body
    digest = hmac.new(KEY.encode(), content, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": stamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def deployed(event_id: str, **context: str) -> dict[str, Any]:
    """Return a service that was deployed, as CDEvents say it."""
    return {
        "context": {
            "specversion": "0.5.1",
            "id": event_id,
            "source": "/ci/acme",
            "type": "dev.cdevents.service.deployed.0.3.0",
            "timestamp": "2026-03-20T14:27:05.315384Z",
            **context,
        },
        "subject": {
            "id": "checkout",
            "content": {
                "environment": {"id": "production"},
                "artifactId": "pkg:oci/checkout@sha256%3A0b31",
            },
        },
    }
