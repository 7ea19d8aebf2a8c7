"""The database that a run builds in, and what it is told there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from triptych.core.warehouse.build import ControlTable, open_build, write_control_tables

if TYPE_CHECKING:
    from pathlib import Path

TEAMS = ControlTable("catalog_teams", {"team_id": "VARCHAR"}, [("ml",), ("ops",)])


def teams_in(database: Path) -> list[tuple[str]]:
    with duckdb.connect(str(database)) as build:
        return build.execute("FROM control.catalog_teams").fetchall()


def test_control_tables_hold_what_the_run_says(tmp_path: Path) -> None:
    database = tmp_path / "warehouse" / "build.duckdb"
    for _ in range(2):
        with open_build(database) as connection:
            write_control_tables(connection, [TEAMS])
    assert teams_in(database) == [("ml",), ("ops",)]


def test_a_damaged_build_database_is_replaced(tmp_path: Path) -> None:
    database = tmp_path / "build.duckdb"
    database.write_bytes(b"no database" * 1000)
    with open_build(database) as connection:
        write_control_tables(connection, [TEAMS])
    assert teams_in(database) == [("ml",), ("ops",)]
