"""What is out of date is built again, and nothing else, on a project of five models."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import duckdb
import pytest

from triptych.core.marts.digests import Digest, digest_of_relation, digest_of_rows
from triptych.core.marts.execution import Execution, NodeError
from triptych.core.marts.recipe import Node
from triptych.core.marts.relations import Relations
from triptych.core.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

LINES = "source.triptych.evidence.focus"
TEAMS = "source.triptych.control.teams"


def node(name: str, kind: str, sql: str, *parents: str, **more: object) -> Node:
    key = f"{'test' if kind == 'test' else 'model'}.triptych.{name}"
    relation = f'"build"."main"."{name}"'
    return Node(key, name, kind, relation, sql, parents, "main", **more)  # type: ignore[arg-type]


#: Line items → sums by month (view, table) → share of its month (table) → total; and
#: names of teams, of which one model reads the id alone.
LEDGER = node("ledger", "view", "select * from lines", LINES, is_by_month=True)
SUMS = node(
    "sums",
    "table",
    'select billing_month, team, sum(cost) as cost from "build"."main"."ledger"'
    " where /* months to build: month_start */ true /* :months to build */"
    " group by 1, 2",
    LEDGER.unique_id,
    is_by_month=True,
)
SHARES = node(
    "shares",
    "table",
    "select billing_month, team, cost / sum(cost) over (partition by billing_month)"
    ' as share from "build"."main"."sums"',
    SUMS.unique_id,
    is_by_month=True,
)
TOTAL = node(
    "total",
    "table",
    'select sum(cost) as cost from "build"."main"."sums"',
    SUMS.unique_id,
)
KNOWN_TEAMS = node("known_teams", "table", "select id from teams", TEAMS)
POSITIVE = node(
    "sums_are_positive",
    "test",
    'select 1 from "build"."main"."sums" where cost < 0',
    SUMS.unique_id,
)
NODES = (LEDGER, SUMS, SHARES, TOTAL, KNOWN_TEAMS, POSITIVE)


@dataclass
class Company:
    """A build database, what its line items are, and the last execution."""

    connection: duckdb.DuckDBPyConnection
    nodes: tuple[Node, ...] = NODES
    teams: list[tuple[str, str]] = field(
        default_factory=lambda: [("a", "Alpha"), ("b", "Beta")]
    )
    sum_elsewhere: OtherEngine | None = None

    def charge(self, month: str, team: str, cost: int) -> None:
        self.connection.execute(
            "INSERT INTO lines VALUES (?, ?::DATE, ?, ?)",
            [month, f"{month}-01", team, cost],
        )

    def build(self) -> Execution:
        with SilentProgress().task("build") as task:
            execution = Execution(
                self.connection,
                self.nodes,
                {each.unique_id: each for each in self.nodes},
                {
                    LINES: self._lines(),
                    TEAMS: digest_of_rows(("id", "name"), self.teams),
                },
                task,
                self.sum_elsewhere,
            )
            execution.run()
        return execution

    def _lines(self) -> Digest:
        return digest_of_relation(self.connection, "lines", ["billing_month"])

    def rows(self, table: str) -> list[tuple[object, ...]]:
        return self.connection.execute(
            f"FROM build.main.{table} ORDER BY ALL"
        ).fetchall()


@pytest.fixture
def company() -> Iterator[Company]:
    with duckdb.connect() as connection:
        connection.execute("ATTACH ':memory:' AS build")
        connection.execute("USE build")
        connection.execute(
            "CREATE TABLE lines (billing_month VARCHAR, month_start DATE, team VARCHAR,"
            " cost BIGINT)"
        )
        connection.execute("CREATE TABLE teams (id VARCHAR, name VARCHAR)")
        found = Company(connection)
        found.charge("2026-01", "a", 30)
        found.charge("2026-01", "b", 10)
        found.charge("2026-02", "a", 7)
        found.build()
        yield found


def rebuilt(execution: Execution) -> dict[str, tuple[str, ...]]:
    return {each.name: each.months for each in execution.rebuilt}


def reasons(execution: Execution) -> dict[str, tuple[str, ...]]:
    return {each.name: each.because for each in execution.rebuilt}


def test_without_a_change_nothing_is_executed(company: Company) -> None:
    assert company.build().rebuilt == []


def test_a_month_that_changed_is_built_again_and_no_other(company: Company) -> None:
    company.charge("2026-02", "b", 21)
    assert rebuilt(company.build()) == {
        "sums": ("2026-02",),
        "shares": ("2026-02",),
        "total": (),
        "sums_are_positive": (),
    }
    assert company.rows("shares") == [
        ("2026-01", "a", 0.75),
        ("2026-01", "b", 0.25),
        ("2026-02", "a", 0.25),
        ("2026-02", "b", 0.75),
    ]


def test_rows_of_a_month_lie_together_however_they_came(company: Company) -> None:
    sql = "select '2026-0' || (i % 3 + 1) as billing_month from range(9) as days(i)"
    Relations(company.connection).replace(SUMS, sql)
    lie = company.connection.execute("FROM build.main.sums").fetchall()
    assert lie == [("2026-01",)] * 3 + [("2026-02",)] * 3 + [("2026-03",)] * 3


def test_a_month_that_lost_its_lines_is_gone_from_every_model(company: Company) -> None:
    company.connection.execute("DELETE FROM lines WHERE billing_month = '2026-01'")
    company.build()
    assert company.rows("sums") == [("2026-02", "a", 7)]
    assert company.rows("total") == [(7,)]


def test_rows_of_other_months_that_a_model_reads_besides_are_not_added_twice(
    company: Company,
) -> None:
    """Closed months stand in a relation that is not known by month."""
    company.connection.execute("CREATE TABLE closed AS SELECT '2025-12' AS month")
    both = replace(
        SHARES,
        sql=f"{SHARES.sql} union all select month, 'a', 1 from build.main.closed",
    )
    company.nodes = tuple(both if each is SHARES else each for each in NODES)
    company.build()
    company.charge("2026-02", "b", 21)
    assert rebuilt(company.build())["shares"] == ("2026-02",)
    assert [row[0] for row in company.rows("shares")].count("2025-12") == 1


def test_what_comes_out_as_before_makes_nothing_after_it_out_of_date(
    company: Company,
) -> None:
    """A charge and its reversal: sums are as they were."""
    company.charge("2026-01", "a", 5)
    company.charge("2026-01", "a", -5)
    assert rebuilt(company.build()) == {"sums": ("2026-01",)}


def test_a_column_that_a_model_does_not_read_is_no_reason(company: Company) -> None:
    company.teams[0] = ("a", "Another name")
    assert company.build().rebuilt == []
    company.teams[0] = ("c", "Another name")
    assert rebuilt(company.build()) == {"known_teams": ()}


def views_created(company: Company) -> list[str]:
    """Build, and return the views that the engine was told to create."""
    created: list[str] = []
    replace_relation = Relations.replace

    def replaced(relations: Relations, node: Node, sql: str) -> None:
        created.extend([node.name] * node.is_view)
        replace_relation(relations, node, sql)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Relations, "replace", replaced)
        company.build()
    return created


def test_a_view_stands_while_only_rows_differ_of_what_it_reads(
    company: Company,
) -> None:
    company.charge("2026-02", "b", 21)
    assert views_created(company) == []
    assert ("2026-02", "b", 21) in company.rows("sums")


def test_a_view_is_created_again_with_a_column_of_what_it_reads(
    company: Company,
) -> None:
    known = node("known", "view", 'select * from "build"."main"."known_teams"',
                 KNOWN_TEAMS.unique_id)  # fmt: skip
    company.nodes = (*NODES, known)
    assert views_created(company) == ["known"]
    named = replace(KNOWN_TEAMS, sql="select id, name from teams")
    company.nodes = (*(named if each is KNOWN_TEAMS else each for each in NODES), known)
    company.connection.execute("INSERT INTO teams VALUES ('a', 'Alpha')")
    assert views_created(company) == ["known"]
    assert company.rows("known") == [("a", "Alpha")]


def test_a_view_that_is_a_table_now_makes_room_for_it(company: Company) -> None:
    for kind in ("table", "view"):
        other = replace(LEDGER, kind=kind)
        company.nodes = tuple(other if each is LEDGER else each for each in NODES)
        before = company.rows("sums")
        company.build()
        assert company.rows("sums") == before


@pytest.mark.parametrize("held", [LEDGER, SHARES])
def test_a_model_that_is_held_otherwise_is_built_so_with_the_same_sql(
    company: Company, held: Node
) -> None:
    rows = company.rows(held.name)
    kinds = {"view": "table", "table": "view"}
    other = replace(held, kind=kinds[held.kind])
    company.nodes = tuple(other if each is held else each for each in NODES)
    company.build()
    assert company.connection.execute(
        "SELECT table_type FROM information_schema.tables WHERE table_name = ?",
        [held.name],
    ).fetchone() == ({"view": "VIEW", "table": "BASE TABLE"}[other.kind],)
    assert company.rows(held.name) == rows


def test_other_sql_builds_a_model_again_in_all_months(company: Company) -> None:
    doubled = replace(SUMS, sql=SUMS.sql.replace("sum(cost)", "2 * sum(cost)"))
    company.nodes = tuple(doubled if each is SUMS else each for each in NODES)
    execution = company.build()
    assert rebuilt(execution)["sums"] == ()
    assert company.rows("total") == [(94,)]
    assert reasons(execution)["sums"] == ("its SQL",)


def test_why_a_table_is_built_again_is_told_from_behind_its_views(
    company: Company,
) -> None:
    company.charge("2026-02", "b", 5)
    assert reasons(company.build())["sums"] == (LINES.split(".", 2)[2],)
    company.nodes = tuple(
        replace(LEDGER, sql=f"{LEDGER.sql} where cost < 9") if each is LEDGER else each
        for each in NODES
    )
    assert reasons(company.build())["sums"] == ("its SQL",)


def test_a_failed_test_is_asked_again_until_it_holds(company: Company) -> None:
    company.charge("2026-02", "b", -1)
    for _ in range(2):
        failures = [each for each in company.build().outcomes if each.status == "fail"]
        assert [(each.name, each.failure_count) for each in failures] == [
            ("sums_are_positive", 1)
        ]
    company.charge("2026-02", "b", 1)
    assert not [each for each in company.build().outcomes if each.status == "fail"]


def test_a_warning_is_remembered_while_nothing_changes(company: Company) -> None:
    company.nodes = (*NODES[:-1], replace(POSITIVE, severity="warn"))
    company.charge("2026-02", "b", -1)
    for _ in range(2):
        warnings = [each for each in company.build().outcomes if each.status == "warn"]
        assert [(each.name, each.failure_count) for each in warnings] == [
            ("sums_are_positive", 1)
        ]


def by_month(company: Company, **more: object) -> Node:
    """Have the test of the company be one of each month, and pass once."""
    test = replace(POSITIVE, is_by_month=True, **more)  # type: ignore[arg-type]
    company.nodes = (*NODES[:-1], test)
    company.charge("2026-02", "a", 1)
    company.build()
    return test


def test_a_test_by_month_is_asked_of_the_months_that_changed(company: Company) -> None:
    by_month(company)
    # Nothing but a whole test would see what no build has written.
    company.connection.execute(
        "UPDATE build.main.sums SET cost = -5 WHERE billing_month = '2026-01'"
    )
    company.charge("2026-02", "b", 21)
    assert rebuilt(company.build())["sums_are_positive"] == ("2026-02",)
    company.charge("2026-02", "b", -99)
    execution = company.build()
    assert [each.name for each in execution.outcomes if each.status == "fail"] == [
        "sums_are_positive"
    ]


def test_a_test_by_month_that_warned_is_asked_of_all_months(company: Company) -> None:
    by_month(company, severity="warn")
    for month in ("2026-01", "2026-02"):
        company.charge(month, "c", -1)
        execution = company.build()
    warnings = [each for each in execution.outcomes if each.status == "warn"]
    assert [each.failure_count for each in warnings] == [2]
    assert rebuilt(execution)["sums_are_positive"] == ()


def test_a_model_that_cannot_be_built_is_named(company: Company) -> None:
    broken = replace(TOTAL, sql="select no_such_column from sums")
    company.nodes = tuple(broken if each is TOTAL else each for each in NODES)
    with pytest.raises(NodeError, match="no_such_column") as caught:
        company.build()
    assert caught.value.outcome.name == "total"


def test_a_contract_that_the_query_breaks_fails_the_model(company: Company) -> None:
    promised = replace(TOTAL, contract={"cost": "decimal(28, 10)"})
    company.nodes = tuple(promised if each is TOTAL else each for each in NODES)
    with pytest.raises(NodeError, match="declares cost as decimal"):
        company.build()


@dataclass
class OtherEngine:
    """Adds up line items elsewhere, and remembers of which months."""

    company: Company
    folder: Path
    asked: list[list[str]] = field(default_factory=list)

    def __call__(self, months: Sequence[str]) -> dict[str, Path]:
        self.asked.append(list(months))
        file = self.folder / "sums.parquet"
        listed = ", ".join(f"'{month}'" for month in months) or "NULL"
        # A wider type than the table's, and another order of columns.
        self.company.connection.execute(
            "COPY (SELECT sum(cost)::DECIMAL(38, 2) AS cost, team, billing_month FROM"
            f" lines WHERE billing_month IN ({listed}) GROUP BY ALL) TO '{file}'"
        )
        return {"sums": file}


def test_another_engine_is_asked_once_for_the_months_that_changed(
    company: Company, tmp_path: Path
) -> None:
    company.sum_elsewhere = other = OtherEngine(company, tmp_path)
    assert company.build().rebuilt == []
    company.charge("2026-02", "b", 21)
    assert rebuilt(company.build())["sums"] == ("2026-02",)
    assert other.asked == [[], ["2026-02"]]
    assert company.rows("total") == [(68,)]
    # What was built elsewhere counts as built here.
    company.sum_elsewhere = None
    assert company.build().rebuilt == []


def test_what_another_engine_adds_up_has_the_types_of_its_table(
    company: Company, tmp_path: Path
) -> None:
    expected = company.rows("sums")
    types = company.connection.execute("DESCRIBE sums").fetchall()
    company.connection.execute("DROP TABLE sums")
    company.sum_elsewhere = other = OtherEngine(company, tmp_path)
    company.build()
    assert other.asked == [["2026-01", "2026-02"]]
    assert company.rows("sums") == expected
    assert company.connection.execute("DESCRIBE sums").fetchall() == types
