"""A delivery is taken back and put back, with a reason, and nothing is removed.

The company of ``closing_case`` closed March with a ledger of 185.00. By hand: a late
charge of 900.00 on March's bill makes it 1,085.00; withdrawn, March is 185.00 again.
"""

from __future__ import annotations

import contextlib
from decimal import Decimal
from typing import TYPE_CHECKING

import duckdb
import pytest

from tests.chosen_marts import ingest_and_build
from tests.e2e.cases.closing_case import (
    CLOSED,
    LEDGER,
    MARCH,
    ClosingCase,
    charge,
    copy_of_closed_company,
    copy_of_reconciled_company,
)
from triptych.core.errors import TriptychError, UsageError
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.load_lists import compare_loads, read_loads
from triptych.evidence import recovering
from triptych.evidence.withdrawing import withdraw
from triptych.run import pipeline
from triptych.service.status import Unbuilt, status

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import BuiltWorkspaces

LATE = (*MARCH, charge("900.00", "API", model="eta"))


@pytest.fixture
def case(built_workspaces: BuiltWorkspaces, tmp_path: Path) -> ClosingCase:
    return copy_of_reconciled_company(built_workspaces, tmp_path / "company")


_LEDGER = (
    "SELECT sum(billed_cost) AS cost FROM cost.mart_cost_waterfall"
    f" WHERE billing_month = '{CLOSED}' AND step = 'ledger' AND currency = 'EUR'"
)


def ledger(case: ClosingCase) -> Decimal:
    """Return the published ledger of March in EUR as billed, dollars at 0.90."""
    [row] = case.ask(_LEDGER)
    cost = row["cost"]
    assert isinstance(cost, Decimal)
    return cost


def ledger_now(case: ClosingCase) -> Decimal:
    """Return the ledger that a run would publish now."""
    marts = ingest_and_build(case.root, "cost.mart_cost_waterfall")
    [row] = marts.query(_LEDGER).to_pylist()
    return Decimal(row["cost"])


def shared_now(case: ClosingCase) -> Decimal:
    """Return what March's models would pay for their pool, which the meter divides."""
    [row] = (
        ingest_and_build(case.root, "cost.fct_daily_model_costs")
        .query(
            "SELECT coalesce(sum(billed_cost), 0) AS cost"
            " FROM cost.fct_daily_model_costs"
            f" WHERE billing_month = '{CLOSED}' AND component = 'shared'"
            " AND model_id IS NOT NULL AND currency = 'EUR'"
        )
        .to_pylist()
    )
    return Decimal(str(row["cost"]))


def newest(case: ClosingCase, source: str = "bills") -> str:
    loads = read_loads(case.workspace.raw_database)
    return [load for load in loads if load.source == source][-1].load_id


def test_a_wrong_delivery_is_taken_back_and_the_one_before_it_counts(
    case: ClosingCase,
) -> None:
    before = newest(case)
    case.bill(CLOSED, *LATE)
    case.run()
    assert ledger(case) == LEDGER + 900
    wrong = newest(case)
    report = withdraw(case.workspace, wrong, because="sent twice")
    assert report.load_ids == (wrong,)
    assert len(report.counted_instead) == 1
    settings = load_settings(case.root)
    assert status(case.workspace, settings).unbuilt == Unbuilt(1, 1)
    case.run()  # the file is still there, and is not loaded again
    assert status(case.workspace, settings).unbuilt == Unbuilt(0, 0)
    assert ledger(case) == LEDGER
    assert newest(case) == wrong
    states = {load.load_id: load.state for load in read_loads(_raw(case))}
    assert states[wrong] == "withdrawn"
    assert wrong != before
    case.bill(CLOSED, *MARCH, charge("1.00", "API", model="eta"))
    # What is right is loaded as ever.
    assert ledger_now(case) == LEDGER + 1


def test_a_charge_that_no_sum_holds_is_taken_back_and_builds_go_on(
    case: ClosingCase,
) -> None:
    huge = charge("5000000000000000000", "API", model="eta")
    case.bill(CLOSED, *MARCH, huge)
    with contextlib.suppress(TriptychError):
        case.run()
    withdraw(case.workspace, newest(case), because="a test of the exporter")
    assert ledger_now(case) == LEDGER


def test_a_withdrawal_is_undone_and_both_are_on_record(case: ClosingCase) -> None:
    case.bill(CLOSED, *LATE)
    case.ingest()
    wrong = newest(case)
    withdraw(case.workspace, wrong, because="sent twice")
    withdraw(case.workspace, wrong, because="it was right", is_undone=True)
    assert ledger_now(case) == LEDGER + 900
    with duckdb.connect(str(_raw(case)), read_only=True) as raw:
        entries = raw.execute(
            "SELECT event, detail FROM catalogue.audit_log ORDER BY position DESC"
            " LIMIT 2"
        ).fetchall()
    assert [event for event, _ in entries] == ["withdrawal_undone", "loads_withdrawn"]
    assert "it was right" in entries[0][1]
    assert "sent twice" in entries[1][1]


def test_all_of_a_source_is_withdrawn_and_its_rows_are_in_no_figure(
    case: ClosingCase,
) -> None:
    report = withdraw(case.workspace, "usage", because="another meter now")
    assert len(report.load_ids) == 1
    assert shared_now(case) == 0
    withdraw(case.workspace, "usage", because="back", is_undone=True)
    assert shared_now(case) == 100


def test_a_source_is_put_back_without_what_was_wrong_before_it_was_withdrawn(
    case: ClosingCase,
) -> None:
    case.bill(CLOSED, *LATE)
    case.ingest()
    wrong = newest(case)
    withdraw(case.workspace, wrong, because="sent twice")
    whole = withdraw(case.workspace, "bills", because="sold in May")
    assert wrong not in whole.load_ids
    report = withdraw(case.workspace, "bills", because="not ours", is_undone=True)
    assert report.load_ids == whole.load_ids
    states = {load.load_id: load.state for load in read_loads(_raw(case))}
    assert states[wrong] == "withdrawn"
    assert ledger_now(case) == LEDGER
    # By its own name it comes back all the same.
    withdraw(case.workspace, wrong, because="it was right", is_undone=True)
    assert newest(case) == wrong
    assert ledger_now(case) == LEDGER + 900


def test_what_is_withdrawn_of_a_closed_month_becomes_an_adjustment(
    built_workspaces: BuiltWorkspaces, tmp_path: Path
) -> None:
    case = copy_of_closed_company(built_workspaces, tmp_path / "closed")
    march = next(
        load.load_id for load in read_loads(_raw(case)) if load.scope == "2026-03.csv"
    )
    frozen = case.march()
    withdraw(case.workspace, march, because="another company's")
    pipeline.build(case.workspace, load_settings(case.root), progress=SilentProgress())
    assert case.march() == frozen
    taken_out = sum(Decimal(str(row["billed_cost"])) for row in case.adjustments())
    assert taken_out == -LEDGER


def test_a_catalogue_is_recovered_with_what_was_withdrawn(case: ClosingCase) -> None:
    case.bill(CLOSED, *LATE)
    case.ingest()
    withdraw(case.workspace, newest(case), because="sent twice")
    known = read_loads(_raw(case))
    _raw(case).unlink()
    recovering.recover(case.workspace)
    assert read_loads(_raw(case)) == known


@pytest.mark.parametrize(
    ("target", "because", "message"),
    [
        ("bills", " ", "needs a reason"),
        ("bilsl", "x", "no load and no source 'bilsl'; sources with loads are bills"),
    ],
)
def test_a_withdrawal_that_cannot_be_says_why(
    case: ClosingCase, target: str, because: str, message: str
) -> None:
    known = read_loads(_raw(case))
    with pytest.raises(UsageError, match=message):
        withdraw(case.workspace, target, because=because)
    with pytest.raises(UsageError, match="No load of 'bills' is withdrawn"):
        withdraw(case.workspace, "bills", because="x", is_undone=True)
    assert read_loads(_raw(case)) == known


def test_two_loads_are_compared_by_month_and_currency(case: ClosingCase) -> None:
    before = next(
        load.load_id for load in read_loads(_raw(case)) if load.scope == "2026-03.csv"
    )
    case.bill(CLOSED, *LATE)
    case.ingest()
    euros, dollars = compare_loads(_raw(case), before, newest(case))
    assert (euros.billing_month, euros.currency) == (CLOSED, "EUR")
    assert (euros.row_count, euros.billed, euros.effective) == (
        1,
        Decimal(900),
        Decimal(900),
    )
    assert (dollars.currency, dollars.row_count, dollars.billed) == (
        "USD",
        0,
        Decimal(0),
    )


def _raw(case: ClosingCase) -> Path:
    return case.workspace.raw_database
