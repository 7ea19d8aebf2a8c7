"""Database files briefly attached to a shared engine of the process.

An engine takes longer to begin than a file takes to attach by tens of milliseconds:
thousands of functions are registered with it. So it begins once, and a file is open,
and locked, from the first session over it to the last.
"""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from threading import RLock
from typing import TYPE_CHECKING

import duckdb

from triptych.core.file_names import literal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@dataclass(slots=True)
class _AttachedFile:
    engine: duckdb.DuckDBPyConnection
    name: str
    is_read_only: bool
    session_count: int = 0


class _Engine:
    """The engine, and the files that are attached to it."""

    def __init__(self) -> None:
        self._lock = RLock()
        self._connection: duckdb.DuckDBPyConnection | None = None
        self._files: dict[Path, _AttachedFile] = {}

    def session(self, path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        """Return a session over a file, which is attached unless it already is."""
        with self._lock:
            key = path.resolve()
            file = self._files.get(key)
            if file is None or (file.is_read_only and not read_only):
                # The engine refuses a file that is open in another mode.
                file = self._attach(path, read_only=read_only)
                self._files[key] = file
            session = file.engine.cursor()
            file.session_count += 1
            try:
                session.execute(f"USE {file.name}")
            except BaseException:
                self.end(session, path)
                raise
            return session

    def end(self, session: duckdb.DuckDBPyConnection, path: Path) -> None:
        """Close a session, and with the last session of a file the file."""
        with self._lock:
            session.close()
            key = path.resolve()
            file = self._files[key]
            file.session_count -= 1
            if not file.session_count:
                del self._files[key]
                self._detach(file)

    def _attach(self, path: Path, *, read_only: bool) -> _AttachedFile:
        taken = {file.name for file in self._files.values()}
        names = (f"raw_{number}" if number else "raw" for number in count())
        name = next(name for name in names if name not in taken)
        mode = "READ_ONLY" if read_only else "READ_WRITE"
        engine = self._begun(path)
        engine.execute(f"ATTACH {literal(str(path))} AS {name} (TYPE duckdb, {mode})")
        return _AttachedFile(engine, name, read_only)

    def _detach(self, file: _AttachedFile) -> None:
        try:
            file.engine.execute(f"DETACH {file.name}")
        except duckdb.Error:
            # The engine releases remaining resources when it ends: with its last file.
            if self._connection is file.engine:
                self._connection = None
        if self._connection is not file.engine and not self._has_files(file.engine):
            file.engine.close()

    def _has_files(self, engine: duckdb.DuckDBPyConnection) -> bool:
        return any(file.engine is engine for file in self._files.values())

    def _begun(self, path: Path) -> duckdb.DuckDBPyConnection:
        """Return the engine, which spills from memory to disk next to the file."""
        if self._connection is not None and self._has_files(self._connection):
            return self._connection
        spill = f"SET temp_directory = {literal(f'{path}.tmp')}"
        if self._connection is not None:
            try:
                self._connection.execute(spill)
            except duckdb.Error:
                # It has spilled elsewhere before, or an error has ended it.
                self._connection.close()
                self._connection = None
            else:
                return self._connection
        engine = duckdb.connect(":memory:")
        # Files are read as they are now, as by a separate engine.
        engine.execute("SET enable_external_file_cache = false")
        engine.execute(spill)
        self._connection = engine
        return engine


_ENGINE = _Engine()


@contextmanager
def session_over(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """Have a session over a database file, which is closed with the last session.

    Parameters
    ----------
    path : Path
        The file; created when it is absent and may be written.
    read_only : bool
        Open it for reading only. A file that is open for writing in this process is
        read as it is committed.

    Raises
    ------
    duckdb.Error
        The file cannot be opened, or another process holds it.
    """
    session = _ENGINE.session(path, read_only=read_only)
    try:
        yield session
    finally:
        _ENGINE.end(session, path)
