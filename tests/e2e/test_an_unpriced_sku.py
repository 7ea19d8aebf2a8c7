"""A SKU without a price: nothing says that a total is complete, and all say what lacks.

The company and its sums by hand are those of ``unpriced_case``.
"""

from __future__ import annotations

import json
import re
import shutil
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from typer.testing import CliRunner

from dashboard import exports
from tests.chosen_marts import ingest_and_build
from tests.dashboard.conftest import OpenApp, text_of
from tests.e2e.cases.closing_case import ClosingCase
from tests.e2e.cases.unpriced_case import LACKS, MONTH, SKU
from tests.e2e.test_exports_of_a_closed_month import words_of
from tests.layers import IS_FULL
from triptych.cli import app
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.timeout(1800)

#: Pages, and those of their tiles whose amounts are no total of costs.
PAGES = (
    *("summary", "cost_by_model", "close", "budget", "statements"),
    *("gpu_idle", "data_health"),
)
MONEY = re.compile(r"EUR \d")
#: Totals of March that pages state, as far as they are known.
KNOWN_TOTALS = ("EUR 90.00", "EUR 93.00", "EUR 100.00")
#: How the line of a total begins in a file.
TOTALS = ("total", "all statements", "all bills")
#: Whatever is said of a total just before its amount.
SAID_BEFORE = 40


def triptych(root: Path, *arguments: str, code: int = 0) -> str:
    finished = CliRunner().invoke(app, [*arguments, "--workspace", str(root)])
    assert finished.exit_code == code, finished.output
    return finished.stdout


def test_the_month_lacks_the_sku_and_the_next_month_lacks_nothing(
    company: ClosingCase,
) -> None:
    rows = company.ask(
        "SELECT billing_month, source, is_complete, missing"
        " FROM core.mart_month_completeness ORDER BY ALL"
    )
    missing = LACKS.removeprefix("bills lacks ")
    assert [tuple(row.values()) for row in rows] == [
        (MONTH, "bills", False, missing),
        ("2026-04", "bills", True, None),
    ]
    [ledger] = company.ask(
        "SELECT billed_cost FROM cost.mart_cost_waterfall"
        f" WHERE billing_month = '{MONTH}' AND step = 'ledger'"
    )
    assert ledger["billed_cost"] == Decimal(100)


def test_every_total_of_a_mart_is_explained_as_a_lower_bound(
    company: ClosingCase,
) -> None:
    snapshot = PublishedReader(company.root).snapshot()
    money = snapshot.query(
        "SELECT table_schema || '.' || table_name AS mart, column_name AS name"
        " FROM information_schema.columns"
        " WHERE table_schema = 'cost' AND data_type LIKE 'DECIMAL%'"
        " AND table_name IN (SELECT table_name FROM information_schema.columns"
        "  WHERE column_name = 'billing_month') AND column_name IN ("
        "  'billed_cost', 'effective_cost', 'fully_loaded_cost', 'actual_cost',"
        "  'ledger_billed_cost', 'current_billed_cost', 'pool_billed_cost')"
        " ORDER BY ALL"
    ).to_pylist()
    asked = 0
    # Each is worked out again from the evidence: every sixth in the fast layer.
    step = 1 if IS_FULL else 6
    for row in money[::step]:
        narrowed = {"cost.mart_cost_waterfall": "&step=ledger"}.get(row["mart"], "")
        figure = f"{row['mart']}/{row['name']}?billing_month={MONTH}{narrowed}"
        finished = CliRunner().invoke(app, ["explain", figure, "-w", str(company.root)])
        if finished.exit_code != 0:
            assert "There is no value" in finished.output, finished.output
            continue
        asked += 1
        assert "\n  at least " in finished.output, figure
        assert f"lacks       {LACKS}" in finished.output, figure
    assert asked >= 8 // step


def test_no_budget_is_kept_and_no_month_reconciled_by_what_is_not_priced(
    company: ClosingCase,
) -> None:
    [budget] = company.ask(
        "SELECT actual_cost, state, reason FROM cost.mart_budget_variance"
    )
    # 93 of 150 are known, and nobody knows whether the rest is under 57.
    assert budget == {
        "actual_cost": Decimal(93),
        "state": "incomplete",
        "reason": LACKS,
    }
    assert company.state()["state"] == "estimated"
    told = CliRunner().invoke(
        app, ["reconcile", "--period", MONTH, "-w", str(company.root)]
    )
    assert told.exit_code == 6


@pytest.mark.parametrize("page", PAGES)
def test_no_page_states_a_complete_total(
    company: ClosingCase, open_app: OpenApp, page: str
) -> None:
    opened = open_app(company.root, page=page, period=MONTH)
    assert not opened.exception
    text = text_of(opened)
    assert "**Not complete:** 1 row missing · amount unknown, in no total." in text
    assert f"**amount unknown** · bills: {SKU} (1 row, BilledCost_missing)" in text
    for metric in opened.metric:
        value = str(metric.value).replace("\u00a0", " ")
        assert not MONEY.search(value) or "at least" in metric.label, metric.label
    said = re.sub(r"<(style|script).*?</\1>", "", text, flags=re.DOTALL)
    for block in said.splitlines():
        if "<table>" in block:
            is_money = "EUR" in block
            marks = "not complete: costs are at least", "at least</td>"
            assert not is_money or any(mark in block for mark in marks)
            totals = re.findall(r'<tr class="total"><th[^>]*>([^<]*)', block)
            endings = (", at least", ", of known data")
            assert all(name.endswith(endings) for name in totals), totals
            continue
        for total in KNOWN_TOTALS:
            for found in re.finditer(re.escape(total), block):
                before = block[max(found.start() - SAID_BEFORE, 0) : found.start()]
                assert "at least" in before, block
    assert "coverage **at most" in text


def test_no_export_states_a_complete_total(
    company: ClosingCase, tmp_path: Path
) -> None:
    out = ("--output", str(tmp_path), "--period", MONTH)
    for basis in ("amortised", "billed"):
        triptych(company.root, "export", "statement", "--all", "--basis", basis, *out)
    for version in ("1.2", "1.4"):
        for form in ("parquet", "csv"):
            wanted = ("--version", version, "--format", form)
            triptych(company.root, "export", "focus", *wanted, *out)
    files = {path.name: path.read_bytes() for path in sorted(tmp_path.iterdir())}
    # Two bases, three statements, three formats; FOCUS in two versions and formats.
    assert len(files) == 2 * 3 * 3 + 2 * 2
    for name, content in files.items():
        said = re.sub(r"\s+", " ", words_of(name, content))
        assert SKU in said, name
        assert "at least" in said, name
        assert "complete" not in said.replace("not complete", ""), name
        for line in words_of(name, content).splitlines():
            if (
                line.strip()
                .lower()
                .startswith(("total", "all statements", "all bills"))
            ):
                assert "at least" in line, (name, line)


def test_no_table_of_a_mart_states_a_complete_total(
    company: ClosingCase, tmp_path: Path
) -> None:
    marts = company.ask(
        "SELECT table_schema || '.' || table_name AS mart"
        " FROM information_schema.tables WHERE table_schema IN ('core', 'cost')"
    )
    snapshot = PublishedReader(company.root).snapshot()
    for row in marts:
        file = exports.table_file(snapshot, str(row["mart"]), "csv")
        said = words_of(file.name, file.content)
        assert f"# Completeness: at least: {MONTH} of {LACKS}" in said, file.name
    out = ("--output", str(tmp_path))
    for form in ("xlsx", "parquet"):
        mart = "cost.mart_cost_waterfall"
        triptych(company.root, "export", "table", mart, "--format", form, *out)
        said = words_of(f"{mart}.{form}", (tmp_path / f"{mart}.{form}").read_bytes())
        assert f"at least: {MONTH} of {LACKS}" in said, form


def test_the_sku_with_its_price_again_makes_the_month_whole(
    company: ClosingCase, tmp_path: Path
) -> None:
    shutil.copytree(company.root, tmp_path / "workspace")
    company = ClosingCase(tmp_path / "workspace")
    listed = json.loads(triptych(company.root, "quarantine", "list", "--json"))
    assert [(row["source"], row["reason"]) for row in listed] == [
        ("bills", "BilledCost_missing")
    ]
    bill = company.root / "bills" / f"{MONTH}.csv"
    text = bill.read_text("utf-8")
    bill.write_text(text.replace(",,EUR", "120.00,120.00,EUR"), "utf-8")
    marts = ingest_and_build(
        company.root,
        *("core.mart_month_completeness", "cost.mart_budget_variance"),
        "cost.mart_period_states",
    )
    rows = marts.query("SELECT is_complete FROM core.mart_month_completeness")
    assert rows["is_complete"].to_pylist() == [True, True]
    [budget] = marts.query(
        "SELECT actual_cost, state FROM cost.mart_budget_variance"
    ).to_pylist()
    assert budget == {"actual_cost": Decimal(213), "state": "over"}
    [month] = marts.query(
        f"SELECT state FROM cost.mart_period_states WHERE billing_month = '{MONTH}'"
    ).to_pylist()
    assert month["state"] == "reconciled"
