"""A pool of engines in memory, each for a single short use at a time.

To start an engine takes twenty milliseconds of a processor, more than a small file
takes to land: thousands of functions are registered with it, and no setting spares
that. An idle engine is as good as new.
"""

from __future__ import annotations

from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING

import duckdb

from triptych.core.file_names import literal

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_OWN = "work"
_MOST_IDLE = 2
_LOCK = Lock()


class _Engine:
    """An engine, and the settings of its last use."""

    def __init__(self) -> None:
        self.connection = duckdb.connect(":memory:")
        self._given: dict[str, str | int] = {}

    def set(self, settings: Mapping[str, str | int]) -> None:
        """Apply settings, and reset all others to their defaults."""
        for name in self._given.keys() - settings.keys():
            self.connection.execute(f"RESET GLOBAL {name}")
        for name, value in settings.items():
            if self._given.get(name) != value:
                self.connection.execute(f"SET GLOBAL {name} = $of", {"of": value})
        self._given = dict(settings)

    def clear(self) -> None:
        """Release attached files, and anything cached of any file."""
        attached = self.connection.execute(
            "SELECT database_name FROM duckdb_databases()"
            " WHERE NOT internal AND database_name <> current_database()"
        ).fetchall()
        for (name,) in attached:
            self.connection.execute(f'DETACH "{name}"')
        self.connection.execute("SET GLOBAL enable_external_file_cache = false")
        self.connection.execute("RESET GLOBAL enable_external_file_cache")


#: Idle engines; several only after several were used at once.
_IDLE: list[_Engine] = []


@contextmanager
def spare_engine(
    settings: Mapping[str, str | int | None] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Have an engine in memory for oneself, with nothing in it.

    Its tables, the files attached to it and its settings are gone afterwards. SQL of
    users, which may lock an engine, needs a separate engine instead.

    Parameters
    ----------
    settings : mapping, optional
        Settings of the engine, by DuckDB's names; None keeps the defaults.
    """
    engine = _begun({name: of for name, of in (settings or {}).items() if of})
    session = engine.connection.cursor()
    try:
        session.execute(f"ATTACH ':memory:' AS {_OWN}; USE {_OWN}")
        yield session
    finally:
        session.close()
        _put_back(engine)


@contextmanager
def database_in_spare_engine(
    path: Path, *, read_only: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a database file as the default for names without a database.

    Parameters
    ----------
    path : Path
        The file; created when it is absent and may be written.
    read_only : bool
        Open it for reading only.
    """
    with spare_engine({"temp_directory": f"{path}.tmp"}) as session:
        mode = "READ_ONLY" if read_only else "READ_WRITE"
        location = literal(str(path))
        session.execute(f"ATTACH {location} AS file (TYPE duckdb, {mode})")
        session.execute("USE file")
        yield session


def _begun(settings: Mapping[str, str | int]) -> _Engine:
    with _LOCK:
        engine = _IDLE.pop() if _IDLE else None
    if engine is not None:
        try:
            engine.set(settings)
        except duckdb.Error:
            engine.connection.close()  # it has spilled into another folder before
        else:
            return engine
    engine = _Engine()
    engine.set(settings)
    return engine


def _put_back(engine: _Engine) -> None:
    try:
        engine.clear()
    except duckdb.Error:
        engine.connection.close()  # an error has ended it
        return
    with _LOCK:
        if len(_IDLE) < _MOST_IDLE:
            _IDLE.append(engine)
            return
    engine.connection.close()
