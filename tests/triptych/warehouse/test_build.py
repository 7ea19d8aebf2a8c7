"""Which months a build has to do, and what it remembers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import pytest

from triptych.warehouse.build import (
    INCREMENTAL_TABLES,
    ControlTable,
    mark_built,
    plan_build,
    write_control,
)

if TYPE_CHECKING:
    from pathlib import Path


class Evidence:
    """A catalogue that holds which load has which month."""

    def __init__(self, root: Path) -> None:
        self.raw = root / "raw.duckdb"
        self.build = root / "build.duckdb"
        with duckdb.connect(str(self.raw)) as raw:
            raw.execute("CREATE SCHEMA catalogue")
            raw.execute(
                "CREATE TABLE catalogue.loads"
                " (load_id VARCHAR, status VARCHAR, stream VARCHAR)"
            )
            raw.execute(
                "CREATE TABLE catalogue.load_totals"
                " (load_id VARCHAR, billing_month VARCHAR)"
            )

    def add(self, load_id: str, *months: str, stream: str = "focus") -> None:
        with duckdb.connect(str(self.raw)) as raw:
            raw.execute(
                "INSERT INTO catalogue.loads VALUES (?, 'current', ?)",
                [load_id, stream],
            )
            for month in months:
                raw.execute(
                    "INSERT INTO catalogue.load_totals VALUES (?, ?)", [load_id, month]
                )

    def supersede(self, load_id: str) -> None:
        with duckdb.connect(str(self.raw)) as raw:
            raw.execute(
                "UPDATE catalogue.loads SET status = 'superseded' WHERE load_id = ?",
                [load_id],
            )

    def months_to_build(self, recipe: str = "r") -> tuple[str, ...]:
        plan = plan_build(self.build, self.raw, recipe={"rules": recipe})
        return plan.months_to_build

    def built(self, recipe: str = "r") -> None:
        plan = plan_build(self.build, self.raw, recipe={"rules": recipe})
        with duckdb.connect(str(self.build)) as build:
            build.execute("CREATE SCHEMA IF NOT EXISTS intermediate")
            for schema, table in INCREMENTAL_TABLES:
                build.execute(
                    f"CREATE TABLE IF NOT EXISTS {schema}.{table}"
                    " (billing_month VARCHAR)"
                )
        mark_built(self.build, plan)


@pytest.fixture
def evidence(tmp_path: Path) -> Evidence:
    evidence = Evidence(tmp_path)
    evidence.add("l1", "2026-01", "2026-02")
    evidence.add("l2", "2026-02")
    return evidence


def test_the_first_build_does_every_month(evidence: Evidence) -> None:
    assert evidence.months_to_build() == ("2026-01", "2026-02")


def test_nothing_is_built_again_without_a_change(evidence: Evidence) -> None:
    evidence.built()
    assert evidence.months_to_build() == ()


def test_a_restated_month_is_built_again_and_no_other(evidence: Evidence) -> None:
    evidence.built()
    evidence.supersede("l2")
    evidence.add("l3", "2026-02")
    assert evidence.months_to_build() == ("2026-02",)


def test_a_month_that_lost_its_last_load_is_built_again(evidence: Evidence) -> None:
    evidence.add("l4", "2026-03")
    evidence.built()
    evidence.supersede("l4")
    assert evidence.months_to_build() == ("2026-03",)


def test_a_run_that_was_killed_before_its_end_is_done_again(evidence: Evidence) -> None:
    evidence.built()
    evidence.add("l5", "2026-04")
    assert evidence.months_to_build() == ("2026-04",)
    assert evidence.months_to_build() == ("2026-04",)


def test_changed_rules_build_every_month(evidence: Evidence) -> None:
    evidence.built()
    assert evidence.months_to_build("other rules") == ("2026-01", "2026-02")


def test_streams_without_charges_build_no_month(evidence: Evidence) -> None:
    evidence.built()
    evidence.add("u1", "2026-05", stream="model_usage")
    assert evidence.months_to_build() == ()


def test_a_damaged_build_database_is_replaced(evidence: Evidence) -> None:
    evidence.built()
    evidence.build.write_bytes(b"no database" * 1000)
    assert evidence.months_to_build() == ("2026-01", "2026-02")


def test_control_tables_hold_what_the_run_says(evidence: Evidence) -> None:
    plan = plan_build(evidence.build, evidence.raw, recipe={})
    table = ControlTable("catalog_teams", {"team_id": "VARCHAR"}, [("ml",), ("ops",)])
    write_control(evidence.build, [table], plan=plan)
    write_control(evidence.build, [table], plan=plan)
    with duckdb.connect(str(evidence.build)) as build:
        teams = build.execute("FROM control.catalog_teams").fetchall()
        months = build.execute("FROM control.months_to_build").fetchall()
    assert teams == [("ml",), ("ops",)]
    assert months == [("2026-01",), ("2026-02",)]
