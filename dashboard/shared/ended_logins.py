"""Logins that were ended, kept in a file so that a restart of the server forgets none.

A line has a digest of a login and the second until which its cookie would count. It
reveals nothing of a person, and goes with the next line that is written after that
second.
"""

from __future__ import annotations

import logging
import os
import threading
from typing import TYPE_CHECKING

from filelock import FileLock

from triptych.core.log_events import LogEvent

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

log = logging.getLogger(__name__)

_OWNER_ONLY = 0o600


class EndedLogins:
    """The ended logins of a workspace; several servers may share the file.

    Parameters
    ----------
    file : Path
        Path of the file. If it cannot be written they are known to this process.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()
        self._known: dict[str, float] = {}
        self._read_at = 0

    def add(self, login: bytes, *, until: datetime, now: datetime) -> None:
        """End a login with a cookie valid until some moment; both are aware."""
        ended = {login.hex(): until.timestamp()}
        with self._lock:
            self._known |= ended
            try:
                self._write(ended, now)
            except OSError as error:
                log.warning(
                    LogEvent(
                        "A restart of the dashboard forgets who signed out.",
                        file=str(self._file),
                        why=error.strerror or str(error),
                    )
                )

    def has(self, login: bytes) -> bool:
        """Return True if a login was ended, by this server or another."""
        with self._lock:
            self._read_again()
            return login.hex() in self._known

    def _write(self, ended: dict[str, float], now: datetime) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_name(f".{self._file.name}.new")
        with FileLock(self._file.with_name(f".{self._file.name}.lock")):
            kept = {**self._lines(), **ended}
            lines = [
                f"{digest} {until:.0f}\n"
                for digest, until in kept.items()
                if until >= now.timestamp()
            ]
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            with os.fdopen(os.open(fresh, flags, _OWNER_ONLY), "w") as target:
                target.write("".join(lines))
                target.flush()
                os.fsync(target.fileno())
            fresh.replace(self._file)

    def _read_again(self) -> None:
        try:
            changed = self._file.stat().st_mtime_ns
        except OSError:
            return
        if changed != self._read_at:
            self._known |= self._lines()
            self._read_at = changed

    def _lines(self) -> dict[str, float]:
        try:
            lines = self._file.read_text("ascii", errors="replace").splitlines()
        except FileNotFoundError:
            return {}
        parts = [line.split(" ") for line in lines]
        # An invalid line, such as a line written by hand, ends no login.
        return {p[0]: float(p[1]) for p in parts if len(p) == 2 and p[1].isdigit()}  # noqa: PLR2004
