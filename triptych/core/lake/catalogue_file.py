"""The file of the catalogue, open for a moment."""

from __future__ import annotations

import time
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

import duckdb

from triptych.core.errors import RunLockedError
from triptych.core.file_names import search_path
from triptych.core.lake import lake_log
from triptych.core.lake.attached_files import session_over
from triptych.core.machine_errors import machine_trouble

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from triptych.core.errors import TriptychError

_LOCK_WAIT_SECONDS = 20.0
#: Of errors: held by another process, or in another mode by this process.
_HELD = ("set lock on file", "used by another process", "unique file handle conflict")


@contextmanager
def connect(
    path: Path, *, root: Path, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Have ``raw.duckdb`` open, after waiting a little while another process holds it.

    Parameters
    ----------
    path : Path
        The database file.
    root : Path
        Workspace folder, which relative file names in the views refer to.
    read_only : bool
        Open for reading only.

    Raises
    ------
    RunLockedError
        Another process kept the file for longer than a commit takes.
    StaleCatalogueError
        The file is no database any more.
    """
    with ExitStack() as opened:
        connection = _enter(opened, path, read_only=read_only)
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"SET file_search_path = {search_path(root)}")
        yield connection


def _enter(
    opened: ExitStack, path: Path, *, read_only: bool
) -> duckdb.DuckDBPyConnection:
    deadline = time.monotonic() + _LOCK_WAIT_SECONDS
    while True:
        try:
            return opened.enter_context(session_over(path, read_only=read_only))
        except duckdb.Error as error:
            if not is_held_elsewhere(error):
                raise unreadable_catalogue(path, error) from error
            if time.monotonic() > deadline:
                raise RunLockedError(
                    "Another process is writing the catalogue.",
                    where=str(path),
                    next_step="Wait for the run to finish and try again.",
                ) from error
            time.sleep(0.1)


def is_held_elsewhere(error: duckdb.Error) -> bool:
    """Check if a database cannot be opened because it is open elsewhere.

    The error of a damaged database names its blocks, which are no locks.
    """
    message = str(error).lower()
    return any(text in message for text in _HELD)


def unreadable_catalogue(path: Path, error: duckdb.Error) -> TriptychError:
    """Return why a catalogue cannot be opened: the machine, or the file itself."""
    if (trouble := machine_trouble(error)) is not None:
        return trouble
    text = str(error).splitlines()[0].rstrip(".!") + "."
    is_forbidden = "permission denied" in text.lower()
    return lake_log.StaleCatalogueError(
        f"raw.duckdb cannot be opened: {text}",
        where=str(path),
        next_step="Let this user read and write the file and its folder."
        if is_forbidden
        else lake_log.RECOVER,
    )
