"""A run builds the months that changed and ends where a full rebuild ends.

Between two runs February is restated, March loses all its charges and April comes
new, in the file that held March; January stays. What an incremental run leaves is
compared with a full rebuild, table by table, byte for byte on sorted rows.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from triptych.core.marts.build import MartBuild
from triptych.core.marts.execution import Execution
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.workspace import Workspace
from triptych.run import pipeline

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.marts.recipe import Node

TRIPTYCH_YML = """\
organisation: Incremental
currency: USD
sources:
  - {name: bill, type: focus_files, path: bills}
  - {name: usage, type: tables, stream: model_usage, path: usage.csv}
"""
ALLOCATION_YML = """\
assignments:
  - {name: cluster, match: {tags: {cluster: gpu}}, pool: gpu}
  - {name: model, match: {tags: {model: "*"}}, model: "${tags.model}"}
pools:
  - {name: gpu, driver: requests}
policies: {tax: proportional}
"""
HEADER = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,Tags"
)
ETA = '"{""model"": ""eta""}"'
VISION = '"{""model"": ""vision""}"'
CLUSTER = '"{""cluster"": ""gpu""}"'
MARKER = "kept from the run before"
#: The run itself: its id and when it started.
VOLATILE = {"core.mart_run"}
#: When a run looked at what it accrues.
VOLATILE_COLUMNS = {"cost.mart_accruals": "EXCLUDE (as_of)"}

Content = dict[str, list[str]]


class KilledError(Exception):
    """Stands for the end of the process."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """A workspace between two runs, and how to go on from there."""

    root: Path

    @property
    def workspace(self) -> Workspace:
        return Workspace(self.root)

    def run(self) -> None:
        settings = load_settings(self.root)
        pipeline.run(self.workspace, settings, progress=SilentProgress())

    def rebuild(self) -> None:
        """Build everything again, from nothing but the evidence."""
        settings = load_settings(self.root)
        pipeline.build(self.workspace, settings, full=True, progress=SilentProgress())

    def restate(self) -> None:
        """Deliver February anew, and April in the file that held March."""
        bill(self.root / "bills" / "2026-02.csv", "2026-02", "30.5", "-1.5", "7")
        bill(self.root / "bills" / "latest.csv", "2026-04", "11", "22", "33")

    def months_built(self) -> list[str]:
        """Return the months for which the last run read line items."""
        *_, last = sorted((self.root / "runs").glob("*/run.json"))
        report = last.with_name("rebuilt.json")
        rebuilt = json.loads(report.read_text("utf-8")) if report.exists() else []
        for node in rebuilt:
            if node["name"] == "int_charges_summed":
                return list(node["months"]) or self.months()
        return []

    def months(self) -> list[str]:
        rows = self.query(
            "SELECT DISTINCT billing_month FROM intermediate.int_charges_summed"
            " ORDER BY 1"
        )
        return [str(row[0]) for row in rows]

    def query(self, sql: str) -> list[tuple[object, ...]]:
        with duckdb.connect(str(self.workspace.build_database)) as connection:
            return connection.execute(sql).fetchall()

    def ledger_by_month(self) -> dict[object, object]:
        rows = self.query(
            "SELECT billing_month, billed_cost FROM cost.mart_cost_waterfall"
            " WHERE step = 'ledger'"
        )
        return {month: cost for month, cost in rows}  # noqa: C416  (typed as pairs)

    def costs_of_january(self, component: str) -> dict[object, object]:
        rows = self.query(
            "SELECT model_id, sum(billed_cost) FROM cost.fct_daily_model_costs"
            f" WHERE component = '{component}' AND billing_month = '2026-01'"
            " GROUP BY model_id"
        )
        return {model: cost for model, cost in rows}  # noqa: C416  (typed as pairs)

    def change_rules(self, old: str, new: str) -> None:
        assert old in ALLOCATION_YML
        rules = ALLOCATION_YML.replace(old, new)
        (self.root / "allocation.yml").write_text(rules, encoding="utf-8")

    def content(self) -> Content:
        """Return the rows of every table as text, sorted."""
        # Opened once: there are hundreds of tables, and to open it takes longer.
        with duckdb.connect(str(self.workspace.build_database)) as connection:
            tables = connection.execute(
                "SELECT schema_name || '.' || table_name FROM duckdb_tables()"
                " WHERE schema_name NOT IN ('control', 'build_state') ORDER BY ALL"
            ).fetchall()
            names = [str(row[0]) for row in tables if row[0] not in VOLATILE]
            columns = {name: f"* {VOLATILE_COLUMNS.get(name, '')}" for name in names}
            return {
                name: sorted(
                    str(row)
                    for row in connection.execute(
                        f"SELECT {columns[name]} FROM {name}"
                    ).fetchall()
                )
                for name in names
            }

    def mark(self, month: str) -> None:
        """Leave a mark on a month that a rebuild of it would not leave standing."""
        self.query(
            "UPDATE intermediate.int_charges_summed"
            f" SET subject = '{MARKER}' WHERE billing_month = '{month}'"
        )

    def marked_months(self) -> set[object]:
        rows = self.query(
            "SELECT DISTINCT billing_month FROM intermediate.int_charges_summed"
            f" WHERE subject = '{MARKER}'"
        )
        return {row[0] for row in rows}


def bill(path: Path, month: str, eta: str, cluster: str, tax: str) -> None:
    """Write a month of one charge each: of a model, of the pool, and tax."""
    lines = [
        charge(month, 5, eta, "Usage", "EC2", ETA),
        charge(month, 5, "2", "Usage", "EC2", VISION),
        charge(month, 6, cluster, "Usage", "EKS", CLUSTER),
        charge(month, 7, "0.0000000000003", "Usage", "S3", ""),
        charge(month, 1, tax, "Tax", "Tax", ""),
    ]
    path.write_text("\n".join([HEADER, *lines, ""]), encoding="utf-8")


def charge(
    month: str, day: int, cost: str, category: str, service: str, tags: str
) -> str:
    start, end = f"{month}-{day:02}", f"{month}-{day + 1:02}"
    period = f"{month}-01,{start},{end}"
    return f"{cost},{cost},USD,{period},{category},{service},AWS,{tags}"


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    root = tmp_path_factory.mktemp("first_run")
    (root / "triptych.yml").write_text(TRIPTYCH_YML, encoding="utf-8")
    (root / "allocation.yml").write_text(ALLOCATION_YML, encoding="utf-8")
    (root / "bills").mkdir()
    bill(root / "bills" / "2026-01.csv", "2026-01", "10", "40", "5")
    bill(root / "bills" / "2026-02.csv", "2026-02", "20", "50", "6")
    bill(root / "bills" / "latest.csv", "2026-03", "30", "60", "7")
    usage = [
        f"2026-{month:02}-06,{model},{requests}"
        for month in range(1, 5)
        for model, requests in (("eta", 2), ("vision", 1))
    ]
    lines = ["period_start,model_id,requests", *usage, ""]
    (root / "usage.csv").write_text("\n".join(lines), encoding="utf-8")
    ledger = Ledger(root)
    ledger.run()
    return ledger


@pytest.fixture
def ledger(first_run: Ledger, tmp_path: Path) -> Ledger:
    """Return a copy of the workspace as the first run left it."""
    shutil.copytree(first_run.root, tmp_path / "workspace")
    return Ledger(tmp_path / "workspace")


@pytest.fixture(scope="module")
def restated(first_run: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """Return a workspace after the second run, before which each month was marked."""
    root = tmp_path_factory.mktemp("restated") / "workspace"
    shutil.copytree(first_run.root, root)
    ledger = Ledger(root)
    for month in ("2026-01", "2026-02", "2026-03"):
        ledger.mark(month)
    ledger.restate()
    ledger.run()
    return ledger


@pytest.fixture(scope="module")
def rebuilt(first_run: Ledger, tmp_path_factory: pytest.TempPathFactory) -> Ledger:
    """Return the same evidence, built from nothing."""
    root = tmp_path_factory.mktemp("rebuilt") / "workspace"
    shutil.copytree(first_run.root, root)
    ledger = Ledger(root)
    ledger.restate()
    settings = load_settings(root)
    pipeline.ingest(ledger.workspace, settings, progress=SilentProgress())
    ledger.rebuild()
    return ledger


def without_load_ids(content: Content) -> Content:
    """Leave out the tables that tell loads apart: another ingest, another id."""
    by_load = {"core.mart_loads", "estimates.digests"}
    return {name: rows for name, rows in content.items() if name not in by_load}


def test_the_first_run_builds_every_month(first_run: Ledger) -> None:
    assert first_run.months_built() == ["2026-01", "2026-02", "2026-03"]
    assert first_run.ledger_by_month() == {
        "2026-01": Decimal("57.0000000000"),
        "2026-02": Decimal("78.0000000000"),
        "2026-03": Decimal("99.0000000000"),
    }


def test_the_second_run_builds_what_changed_what_is_new_and_what_is_gone(
    restated: Ledger,
) -> None:
    assert restated.months_built() == ["2026-02", "2026-03", "2026-04"]
    assert restated.ledger_by_month() == {
        "2026-01": Decimal("57.0000000000"),
        "2026-02": Decimal("38.0000000000"),
        "2026-04": Decimal("68.0000000000"),
    }


@pytest.mark.full  # fast: the public marts of a history, in test_random_histories.py
def test_an_incremental_run_ends_where_a_full_rebuild_ends(ledger: Ledger) -> None:
    ledger.restate()
    ledger.run()
    restated = ledger.content()
    ledger.rebuild()
    assert ledger.months_built() == ["2026-01", "2026-02", "2026-04"]
    assert ledger.content() == restated


def test_a_month_that_did_not_change_is_not_touched(restated: Ledger) -> None:
    assert restated.marked_months() == {"2026-01"}


def test_a_changed_rule_builds_every_month_again(ledger: Ledger) -> None:
    ledger.mark("2026-01")
    ledger.change_rules('{tags: {model: "*"}}', "{tags: {model: {not: vision}}}")
    ledger.run()
    assert ledger.months_built() == ["2026-01", "2026-02", "2026-03"]
    assert ledger.marked_months() == set()
    assert ledger.costs_of_january("direct") == {"eta": Decimal("10.0000000000")}


@pytest.mark.full
def test_a_changed_driver_divides_pools_anew_without_reading_any_bill(
    ledger: Ledger,
) -> None:
    """Requests are 2 to 1; evenly divided, 40 is 20 and 20."""
    assert ledger.costs_of_january("shared") == {
        "eta": Decimal("26.6666666667"),
        "vision": Decimal("13.3333333333"),
    }
    ledger.change_rules("driver: requests", "driver: even")
    ledger.run()
    assert ledger.months_built() == []
    assert ledger.costs_of_january("shared") == {
        "eta": Decimal("20.0000000000"),
        "vision": Decimal("20.0000000000"),
    }


def test_without_a_change_no_month_is_built_and_nothing_moves(ledger: Ledger) -> None:
    before = ledger.content()
    ledger.run()
    assert ledger.months_built() == []
    assert ledger.content() == before


def die_at(step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next build die before a model, or after the first half."""
    if step == "second half":

        def die(*_: object, **__: object) -> None:
            raise KilledError

        monkeypatch.setattr(MartBuild, "second_half", die)
        return
    visit = Execution._visit

    def die_before(execution: Execution, node: Node) -> None:
        if node.name == step:
            execution._commit()
            raise KilledError
        visit(execution, node)

    monkeypatch.setattr(Execution, "_visit", die_before)


@pytest.mark.full
@pytest.mark.parametrize(
    ("step", "months_left"),
    [
        ("int_charges_summed", ["2026-02", "2026-03", "2026-04"]),
        ("mart_cost_waterfall", []),
        ("second half", []),
    ],
)
def test_a_run_that_died_goes_on_where_it_stopped(
    ledger: Ledger,
    rebuilt: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    step: str,
    months_left: list[str],
) -> None:
    """What was committed before its end is not built a second time."""
    ledger.restate()
    with monkeypatch.context() as patch:
        die_at(step, patch)
        with pytest.raises(KilledError):
            ledger.run()
    ledger.run()
    assert ledger.months_built() == months_left
    found, expected = (without_load_ids(one.content()) for one in (ledger, rebuilt))
    for volatile in ("core.mart_source_freshness", "core.mart_quarantine_reasons"):
        del found[volatile], expected[volatile]
    assert [n for n in found if found[n] != expected[n]] == []
