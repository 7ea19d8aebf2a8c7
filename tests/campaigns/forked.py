"""Runs a piece of work in a process of its own, which may hang, die or be killed.

The process is forked, so that what takes long to import is imported once. Whoever uses
this must not have opened DuckDB or started a thread before.
"""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """How a process ended: with a value, with a traceback, by a signal, or not."""

    value: Any = None
    traceback: str = ""
    signal: int = 0
    exit_code: int = 0
    has_hung: bool = False
    seconds: float = 0.0


class Fork:
    """A process that works on its own.

    Parameters
    ----------
    work : callable
        What it does; its value must be what JSON can hold.
    log : Path
        Where its standard output and error go.
    """

    def __init__(self, work: Callable[[], Any], log: Path) -> None:
        self._started = time.monotonic()
        self._reader, writer = os.pipe()
        sys.stdout.flush()
        sys.stderr.flush()
        self.pid = os.fork()
        if not self.pid:
            self._work(work, writer, log)
        os.close(writer)

    def _work(self, work: Callable[[], Any], writer: int, log: Path) -> None:
        code = 1
        try:
            os.setsid()
            output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            for descriptor in (1, 2):
                os.dup2(output, descriptor)
            try:
                answer = {"value": work()}
                code = 0
            except BaseException:  # noqa: BLE001  (whatever it is, it is told)
                answer = {"traceback": traceback.format_exc()}
            with os.fdopen(writer, "w") as pipe:
                json.dump(answer, pipe)
            sys.stdout.flush()
            sys.stderr.flush()
        finally:
            os._exit(code)

    def is_running(self) -> bool:
        """Tell whether the process has not ended, without collecting it."""
        flags = os.WEXITED | os.WNOWAIT | os.WNOHANG
        return os.waitid(os.P_PID, self.pid, flags) is None

    def kill(self, *, group: bool = True) -> None:
        """Kill the process at once, and all that it started, or itself alone."""
        try:
            (os.killpg if group else os.kill)(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return

    def end(self, timeout_seconds: float) -> Ended:
        """Wait for its end, or kill it after a time; return how it ended."""
        text = self._read(self._started + timeout_seconds)
        has_hung = text is None
        if has_hung:
            self.kill()
        _, status = os.waitpid(self.pid, 0)
        seconds = time.monotonic() - self._started
        answer = json.loads(text) if text else {}
        return Ended(
            value=answer.get("value"),
            traceback=answer.get("traceback", ""),
            signal=0 if has_hung or not os.WIFSIGNALED(status) else os.WTERMSIG(status),
            exit_code=os.WEXITSTATUS(status) if os.WIFEXITED(status) else 0,
            has_hung=has_hung,
            seconds=seconds,
        )

    def _read(self, deadline: float) -> str | None:
        parts: list[bytes] = []
        with os.fdopen(self._reader, "rb", buffering=0) as pipe:
            while True:
                left = deadline - time.monotonic()
                ready, _, _ = select.select([pipe], [], [], max(0.0, left))
                if not ready:
                    return None
                part = pipe.read(65_536)
                if not part:
                    return b"".join(parts).decode()
                parts.append(part)
