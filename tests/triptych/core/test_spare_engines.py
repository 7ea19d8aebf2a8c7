"""Engines that are used again: the next finds what it would find in a new one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from triptych.core.spare_engines import _IDLE, database_in_spare_engine, spare_engine

if TYPE_CHECKING:
    from pathlib import Path

SETTINGS = (
    *("memory_limit", "threads", "temp_directory", "TimeZone", "file_search_path"),
    *("enable_external_file_cache", "preserve_insertion_order"),
)


@pytest.fixture(autouse=True)
def _none_idle() -> None:
    """Begin with a new engine, which a second use then finds."""
    _IDLE.clear()


def settings_of(connection: duckdb.DuckDBPyConnection) -> list[tuple[object, ...]]:
    asked = ", ".join(f"current_setting('{name}')" for name in SETTINGS)
    return connection.execute(f"SELECT {asked}").fetchall()


def write_number(path: Path, number: int) -> None:
    with duckdb.connect(":memory:") as connection:
        connection.execute(f"COPY (SELECT {number} AS number) TO '{path}'")


def test_the_next_finds_an_engine_as_it_was_when_it_began(tmp_path: Path) -> None:
    given: dict[str, str | int] = {"memory_limit": "1GB", "threads": 1}
    given["temp_directory"] = str(tmp_path)
    with spare_engine(given) as first:
        first.execute("SET TimeZone = 'UTC'; SET file_search_path = '/nowhere'")
        first.execute(
            "CREATE TABLE work.made AS SELECT 1; CREATE TEMP TABLE t AS FROM made"
        )
        first.execute(f"ATTACH '{tmp_path / 'kept.duckdb'}' AS kept; BEGIN")
        first.execute("CREATE TABLE kept.made AS SELECT 1")
        assert first.execute("SELECT current_setting('threads')").fetchall() == [(1,)]
    [engine] = _IDLE
    with spare_engine() as second, duckdb.connect(":memory:") as new:
        assert _IDLE == []
        assert settings_of(second) == settings_of(new)
        assert second.execute("SHOW ALL TABLES").fetchall() == []
    assert [engine] == _IDLE


def test_what_was_committed_is_in_the_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "numbers.duckdb"
    with database_in_spare_engine(path) as file:
        file.execute("CREATE TABLE numbers AS SELECT 1 AS number")
        file.execute("BEGIN; INSERT INTO numbers VALUES (2)")
    with database_in_spare_engine(path, read_only=True) as file:
        assert file.execute("FROM numbers").fetchall() == [(1,)]
        with pytest.raises(duckdb.InvalidInputException, match="read-only"):
            file.execute("INSERT INTO numbers VALUES (3)")
    with duckdb.connect(str(path)) as alone:
        assert alone.execute("FROM numbers").fetchall() == [(1,)]


def test_a_file_is_read_as_it_is_each_time(tmp_path: Path) -> None:
    path = tmp_path / "numbers.parquet"
    for number in (1, 2):
        write_number(path, number)
        with spare_engine() as engine:
            rows = engine.execute(f"FROM read_parquet('{path}')").fetchall()
        assert rows == [(number,)]


def test_two_at_once_have_one_each() -> None:
    with spare_engine() as first, spare_engine() as second:
        first.execute("CREATE TABLE made AS SELECT 1")
        assert second.execute("SHOW TABLES").fetchall() == []


def test_one_that_spilled_elsewhere_or_failed_is_not_used_again(
    tmp_path: Path,
) -> None:
    first, second = ({"temp_directory": str(tmp_path / name)} for name in "ab")
    with spare_engine(first | {"memory_limit": "16MB"}) as engine:
        engine.execute(
            "CREATE TEMP TABLE large AS"
            " SELECT md5(range::VARCHAR) AS digest FROM range(600_000)"
        )
        assert list((tmp_path / "a").iterdir())
    with spare_engine(second) as engine:
        [(folder,)] = engine.execute(
            "SELECT current_setting('temp_directory')"
        ).fetchall()
        assert folder == second["temp_directory"]
    [idle] = _IDLE
    idle.connection.close()
    with spare_engine() as engine:
        assert engine.execute("SELECT 1").fetchall() == [(1,)]
