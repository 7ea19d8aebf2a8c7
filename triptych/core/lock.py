"""Run lock, which the operating system releases when its holder dies."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

from triptych.core.errors import RunLockedError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from filelock import BaseFileLock


@contextmanager
def hold_run_lock(lock_file: Path) -> Iterator[None]:
    """Hold the workspace for a run.

    Parameters
    ----------
    lock_file : Path
        The lock; its holder is recorded beside it in a ``.json`` of the same name.

    Raises
    ------
    RunLockedError
        Another run holds it; the message names its process, its host and its start.
    """
    holder = lock_file.with_suffix(".json")
    lock = _acquired(lock_file, seconds=0)
    try:
        _write(holder)
        yield
    finally:
        holder.unlink(missing_ok=True)
        lock.release()


def wait_for_run_lock(lock_file: Path, *, seconds: float) -> None:
    """Wait a little until no run holds the workspace.

    Raises
    ------
    RunLockedError
        A run still holds it.
    """
    _acquired(lock_file, seconds=seconds).release()


def holder_of(lock_file: Path) -> int | None:
    """Return the process recorded as the holder of the workspace, if any."""
    try:
        pid: int = json.loads(lock_file.with_suffix(".json").read_text("utf-8"))["pid"]
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return None
    return pid


def _acquired(lock_file: Path, *, seconds: float) -> BaseFileLock:
    lock_file.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(lock_file)
    try:
        lock.acquire(timeout=seconds)
    except Timeout:
        raise RunLockedError(
            "Another run holds the workspace:"
            f" {_describe(lock_file.with_suffix('.json'))}.",
            where=str(lock_file),
            next_step="Wait for it to finish, or stop it, and run again.",
        ) from None
    return lock


def _write(holder: Path) -> None:
    started_at = datetime.now(UTC).isoformat(timespec="seconds")
    text = {"pid": os.getpid(), "host": socket.gethostname(), "started_at": started_at}
    holder.write_text(json.dumps(text), encoding="utf-8")


def _describe(holder: Path) -> str:
    try:
        who = json.loads(holder.read_text("utf-8"))
        return f"process {who['pid']} on {who['host']} since {who['started_at']}"
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        return "it has not yet said who it is"
