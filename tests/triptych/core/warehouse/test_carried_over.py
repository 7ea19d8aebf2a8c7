"""A published file goes on from the one before it: only what differs is copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.triptych.core.warehouse.test_publish import Build, build, edit
from triptych.core.marts.digests import MONTH, digest_of_relation
from triptych.core.spare_engines import database_in_spare_engine
from triptych.core.warehouse import carried_over
from triptych.core.warehouse import publish as publishing
from triptych.core.warehouse.publish import begin_publication

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["build"]

DAYS, COSTS = ("cost", "days"), ("cost", "costs")
MONTHS = ("2026-01", "2026-02", "2026-03", "2026-04")


class Publications:
    """Publishes a build again and again, each file from the one before."""

    def __init__(self, build: Build, patch: pytest.MonkeyPatch) -> None:
        self.build = build
        self.copied: list[str] = []
        self.last: Path | None = None
        self._count = 0
        copy = publishing._copy

        def copied(connection: object, schema: str, table: str, **rest: str) -> None:
            self.copied.append(f"{schema}.{table}")
            copy(connection, schema, table, **rest)  # type: ignore[arg-type]

        patch.setattr(publishing, "_copy", copied)
        self.change(
            "CREATE TABLE cost.days AS SELECT m AS billing_month, 5 AS cost"
            f" FROM (SELECT unnest({list(MONTHS)}) AS m)"
        )

    def change(self, *statements: str) -> None:
        with database_in_spare_engine(self.build.root / "build.duckdb") as connection:
            for statement in statements:
                connection.execute(statement)

    def publish(self) -> list[tuple[object, ...]]:
        """Publish, and return the rows of ``cost.days`` in the new file."""
        self.copied.clear()
        self._count += 1
        path = self.build.root / "build.duckdb"
        with database_in_spare_engine(path, read_only=True) as connection:
            contents = {
                table: {carried_over.ALL: digest.whole, **(digest.months or {})}
                for table, digest in (
                    (DAYS, digest_of_relation(connection, "cost.days", [MONTH])),
                    (COSTS, digest_of_relation(connection, "cost.costs", [])),
                )
            }
        begin_publication(
            build_database=path,
            published_dir=self.build.folder,
            run_id=f"run-{self._count}",
            later=[],
            previous=self.last,
            contents=contents,
        )
        self.last = self.build.publish(f"run-{self._count}")
        with database_in_spare_engine(self.last, read_only=True) as published:
            return published.execute("FROM cost.days ORDER BY ALL").fetchall()


@pytest.fixture
def publications(build: Build, monkeypatch: pytest.MonkeyPatch) -> Publications:
    found = Publications(build, monkeypatch)
    found.publish()
    assert sorted(found.copied) == ["cost.costs", "cost.days"]
    return found


def test_a_month_that_differs_is_brought_over_and_no_table_copied(
    publications: Publications,
) -> None:
    publications.change("UPDATE cost.days SET cost = 7 WHERE billing_month = '2026-02'")
    assert publications.publish() == [
        ("2026-01", 5),
        ("2026-02", 7),
        ("2026-03", 5),
        ("2026-04", 5),
    ]
    assert publications.copied == []
    publications.change("DELETE FROM cost.days WHERE billing_month = '2026-01'")
    assert publications.publish()[0] == ("2026-02", 7)
    assert publications.copied == []
    # What did not change was carried over twice.
    assert publications.publish()[0] == ("2026-02", 7)
    assert publications.copied == []


def test_a_table_of_which_most_differs_is_copied(publications: Publications) -> None:
    publications.change("UPDATE cost.days SET cost = 7 WHERE billing_month > '2026-01'")
    assert [row[1] for row in publications.publish()] == [5, 7, 7, 7]
    assert publications.copied == ["cost.days"]


def test_another_name_of_a_column_is_another_table(publications: Publications) -> None:
    publications.change("ALTER TABLE cost.days RENAME COLUMN cost TO billed_cost")
    publications.publish()
    assert publications.copied == ["cost.days"]
    assert publications.last is not None
    with database_in_spare_engine(publications.last, read_only=True) as published:
        assert published.execute("SELECT sum(billed_cost) FROM cost.days").fetchone()


def test_what_the_build_no_longer_has_is_in_no_later_file(
    publications: Publications,
) -> None:
    publications.change("DROP TABLE cost.costs", "CREATE TABLE cost.costs (a INTEGER)")
    publications.publish()
    assert publications.copied == ["cost.costs"]


def test_a_file_that_was_edited_is_not_gone_on_from(
    publications: Publications,
) -> None:
    assert publications.last is not None
    edit(publications.last)
    assert publications.publish() == [(month, 5) for month in MONTHS]
    assert sorted(publications.copied) == ["cost.costs", "cost.days"]


def test_after_some_generations_all_is_copied_again(
    publications: Publications, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(carried_over, "_MOST_GENERATIONS", 2)
    counts = []
    for _ in range(4):
        publications.publish()
        counts.append(len(publications.copied))
    assert counts == [0, 0, 2, 0]
