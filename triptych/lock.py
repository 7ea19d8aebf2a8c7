"""One run at a time: a lock that the operating system lets go when its holder dies."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from triptych.errors import RunLockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def hold_run_lock(lock_file: Path) -> Iterator[None]:
    """Hold the workspace for one run.

    Parameters
    ----------
    lock_file : Path
        The lock; who holds it stands beside it in a ``.json`` of the same name.

    Raises
    ------
    RunLockedError
        Another run holds it; the message says which process, where, since when.
    """
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    holder = lock_file.with_suffix(".json")
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunLockedError(
            f"Another run holds the workspace: {_describe(holder)}.",
            where=str(lock_file),
            next_step="Wait for it to finish, or stop it, and run again.",
        ) from None
    try:
        _write(holder)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def _write(holder: Path) -> None:
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    text = {"pid": os.getpid(), "host": socket.gethostname(), "started_at": started_at}
    holder.write_text(json.dumps(text), encoding="utf-8")


def _describe(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text("utf-8"))
    except (OSError, ValueError):
        return "it has not yet said who it is"
    return f"process {who['pid']} on {who['host']} since {who['started_at']}"


__all__ = ["hold_run_lock"]
