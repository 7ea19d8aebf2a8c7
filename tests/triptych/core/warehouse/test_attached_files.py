"""Files that are open for a moment, on one engine of the process."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from triptych.core.errors import RunLockedError
from triptych.core.lake import catalogue_file
from triptych.core.lake.attached_files import _ENGINE, session_over
from triptych.core.lake.catalogue_file import connect

if TYPE_CHECKING:
    from pathlib import Path


def write(path: Path, sql: str) -> None:
    with session_over(path, read_only=False) as session:
        session.execute(sql)


def read(path: Path) -> list[tuple[object, ...]]:
    with session_over(path, read_only=True) as session:
        return session.execute("FROM numbers ORDER BY ALL").fetchall()


def is_open(path: Path) -> bool:
    try:
        duckdb.connect(str(path)).close()
    except duckdb.Error as error:
        return "unique file handle conflict" in str(error).lower()
    return False


@pytest.fixture
def numbers(tmp_path: Path) -> Path:
    path = tmp_path / "raw.duckdb"
    write(path, "CREATE TABLE numbers AS SELECT 1 AS number")
    return path


def test_a_file_is_open_from_the_first_session_to_the_last(numbers: Path) -> None:
    with session_over(numbers, read_only=False):
        with session_over(numbers, read_only=False) as second:
            second.execute("INSERT INTO numbers VALUES (2)")
        assert is_open(numbers)
    assert not is_open(numbers)
    assert read(numbers) == [(1,), (2,)]


def test_what_was_not_committed_is_gone_with_its_session(numbers: Path) -> None:
    write(numbers, "BEGIN; INSERT INTO numbers VALUES (2)")
    assert read(numbers) == [(1,)]


def test_who_reads_beside_a_writer_sees_what_is_committed(numbers: Path) -> None:
    with session_over(numbers, read_only=False) as writer:
        writer.execute("INSERT INTO numbers VALUES (2)")
        writer.execute("BEGIN; INSERT INTO numbers VALUES (3)")
        assert read(numbers) == [(1,), (2,)]


def test_who_writes_beside_a_reader_is_refused_as_by_a_lock(
    numbers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalogue_file, "_LOCK_WAIT_SECONDS", 0.0)
    with (
        connect(numbers, root=numbers.parent, read_only=True),
        pytest.raises(RunLockedError),
        connect(numbers, root=numbers.parent),
    ):
        pass
    assert not is_open(numbers)


def test_two_files_are_open_at_once_and_settings_are_of_a_session(
    numbers: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "raw.duckdb"
    other.parent.mkdir()
    with connect(numbers, root=numbers.parent) as first:
        with connect(other, root=other.parent) as second:
            second.execute("CREATE TABLE numbers AS SELECT 7 AS number")
            setting = "SELECT current_setting('file_search_path')"
            assert first.execute(setting).fetchall() == [(str(numbers.parent),)]
            assert second.execute(setting).fetchall() == [(str(other.parent),)]
        assert first.execute("FROM numbers").fetchall() == [(1,)]
    assert read(other) == [(7,)]


class Holding:
    """An engine that lets none of its files go."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine

    def execute(self, sql: str) -> object:
        if sql.startswith("DETACH"):
            raise duckdb.FatalException("database has been invalidated")
        return self._engine.execute(sql)

    def __getattr__(self, name: str) -> object:
        return getattr(self._engine, name)


def test_a_file_that_an_engine_cannot_let_go_takes_no_other_with_it(
    numbers: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, third = tmp_path / "other.duckdb", tmp_path / "third.duckdb"
    begin = duckdb.connect
    with monkeypatch.context() as patch:
        patch.setattr(_ENGINE, "_connection", None)
        patch.setattr(duckdb, "connect", lambda at: Holding(begin(at)))
        with session_over(numbers, read_only=False) as first:
            write(other, "CREATE TABLE numbers AS SELECT 7 AS number")
            write(third, "CREATE TABLE numbers AS SELECT 8 AS number")
            first.execute("INSERT INTO numbers VALUES (2)")
            assert read(numbers) == [(1,), (2,)]
    assert [read(path) for path in (numbers, other, third)] == [
        [(1,), (2,)],
        [(7,)],
        [(8,)],
    ]


def test_what_does_not_fit_into_memory_goes_beside_the_file(
    numbers: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "raw.duckdb"
    other.parent.mkdir()
    for path in (numbers, other):
        with session_over(path, read_only=False) as session:
            (limit,) = session.execute(
                "SELECT current_setting('memory_limit')"
            ).fetchall()[0]
            session.execute("SET memory_limit = '16MB'")
            try:
                session.execute(
                    "CREATE TEMP TABLE large AS"
                    " SELECT md5(range::VARCHAR) AS digest FROM range(600_000)"
                )
            finally:
                session.execute(f"SET memory_limit = '{limit}'")
            assert list(path.parent.glob("raw.duckdb.tmp/*"))
            assert session.execute("SELECT count(*) FROM large").fetchall() == [
                (600_000,)
            ]
