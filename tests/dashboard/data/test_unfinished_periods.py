"""A month or quarter that is not over is neither kept within a budget nor compared."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from dashboard.pages.budget import queries as budget_queries
from dashboard.pages.budget import sentences as budget_sentences
from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.pages.cost_by_model import sentences as cost_by_model_sentences
from dashboard.pages.summary import figures
from dashboard.pages.summary import queries as summary_queries
from dashboard.pages.summary import sentences as words
from dashboard.shared import selection_queries
from dashboard.shared.context import Page
from tests.dashboard.fixtures.warehouse_fixture import publish
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

#: August to October were billed whole, November to its 20th. Its bill is final as far
#: as it goes. 4,000 are budgeted for October and November each, 8,000 for December.
_AUTUMN = """
delete from cost.fct_daily_model_costs;
insert into cost.fct_daily_model_costs by name
select cast(month || '-20' as date) as charge_date, month as billing_month,
  'aws' as source, 'eta-v2' as model_id, 'direct' as component, 'EUR' as currency,
  cost as billed_cost, cost as effective_cost, false as is_estimated
from (values ('2026-08', 3000), ('2026-09', 3000), ('2026-10', 4650), ('2026-11', 3400))
  as costs (month, cost);
delete from cost.mart_cost_waterfall;
delete from cost.mart_period_states;
insert into cost.mart_period_states by name
select '2026-10' as billing_month, 'locked' as state, 0 as adjustment_count;
delete from cost.mart_budget_variance;
insert into cost.mart_budget_variance by name
select month as billing_month, 'all' as scope_type, 'all' as scope_id,
  'EUR' as currency, budget as budget_amount, actual as actual_cost,
  2026 as fiscal_year, sum(budget) over (order by month) as budget_to_date_amount,
  case when actual is not null then sum(actual) over (order by month) end
    as actual_to_date_cost,
  false as is_estimated, month = '2026-10' as is_month_over, state, reason
from (values ('2026-10', 4000, 4650, 'over', null),
  ('2026-11', 4000, 3400, 'running', null),
  ('2026-12', 8000, null, 'ahead', 'the month is not over yet'))
  as budgets (month, budget, actual, state, reason);
"""
#: November is over, and in a state.
_NOVEMBER = """
update cost.mart_budget_variance set is_month_over = true, state = '{}'
where billing_month = '2026-11';
"""
#: It has another budget.
_OF_NOVEMBER = """
update cost.mart_budget_variance set budget_amount = {}
where billing_month = '2026-11';
"""


def view_of(
    root: Path, period: str, *, at: str = "2026-11-21 05:30", changes: str = ""
) -> Page:
    """Return a page of a period, of a run that was made at a moment."""
    publish(root)
    with duckdb.connect(str(PublishedReader(root).current_path())) as connection:
        connection.execute(_AUTUMN + changes)
        connection.execute("update core.mart_run set started_at = ?", [at])
    snapshot = PublishedReader(root).snapshot()
    [chosen] = (
        each for each in selection_queries.periods(snapshot) if each.label == period
    )
    selection = selection_queries.Selection(chosen, "Amortised", "EUR")
    return Page(
        snapshot,
        selection_queries.run(snapshot),
        selection,
        selection_queries.standing(snapshot, selection),
    )


def budget_of(view: Page) -> dict[str, Any]:
    rows: list[dict[str, Any]] = budget_queries.budgets(
        view.snapshot, view.selection
    ).to_pylist()
    [row] = rows
    return row


def lead(view: Page) -> str:
    """Return the first sentence of *Summary* and of the board pack."""
    spent = summary_queries.ai_spend(view.snapshot, view.selection)
    # No meter of accelerators: idle capacity is unknown, and not in the sentence.
    assert spent.idle is None
    return words.spend(view, spent, figures.budget_of(view)).replace("\u00a0", " ")


def change(view: Page) -> str:
    """Return the change beside the AI cost."""
    spent = summary_queries.ai_spend(view.snapshot, view.selection)
    tile = figures.spend_tile(view, spent, figures.budget_of(view))
    return (tile.change or "").replace("\u00a0", " ")


def test_a_running_quarter_has_the_budget_of_its_three_months(tmp_path: Path) -> None:
    view = view_of(tmp_path, "2026-Q4")
    row = budget_of(view)
    # 4,000 + 4,000 + 8,000; 4,650 + 3,400 so far.
    assert (row["budget"], row["actual"]) == (Decimal(16000), Decimal(8050))
    assert row["times_budget"] == pytest.approx(8050 / 16000)
    assert (row["state"], row["reason"]) == ("running", None)
    # To date is up to the last month that has begun.
    assert row["last_month"] == "2026-11"
    assert (row["budget_to_date"], row["actual_to_date"]) == (8000, 8050)
    assert (
        "**Everything** is below its budget so far; the period still runs:"
        " EUR 8,050.00 of EUR 16,000.00"
    ) in budget_sentences.budgets(view, [row]).replace("\u00a0", " ")


def test_a_quarter_runs_until_its_end_whatever_months_have_budgets(
    tmp_path: Path,
) -> None:
    """Of 4,650 + 3,400 = 8,050 in 9,000, by a run of December and one of January."""
    only = (
        "delete from cost.mart_budget_variance where billing_month = '2026-12';"
        "update cost.mart_budget_variance set budget_amount = 4500,"
        " is_month_over = true, state = 'within';"
    )
    states = [
        budget_of(view_of(tmp_path / at, "2026-Q4", at=at, changes=only))["state"]
        for at in ("2026-12-31", "2027-01-01")
    ]
    assert states == ["running", "within"]


def test_a_month_ahead_of_its_first_bill_shows_its_budget(tmp_path: Path) -> None:
    """December has a budget of 8,000 and begins after the run of 21 November."""
    view = view_of(tmp_path, "2026-Q4")
    december = selection_queries.Period("2026-12", ("2026-12",))
    row = budget_of(replace(view, selection=replace(view.selection, period=december)))
    assert (row["budget"], row["actual"], row["state"]) == (8000, None, "ahead")
    said = budget_sentences.budgets(view, [row]).replace("\u00a0", " ")
    assert said == "**Everything** is not over yet: its budget is EUR 8,000.00."


def test_a_quarter_that_is_over_and_lacks_the_ledger_of_a_month_is_unknown(
    tmp_path: Path,
) -> None:
    over = (
        "update cost.mart_budget_variance set is_month_over = true;"
        "update cost.mart_budget_variance set state = 'unknown',"
        " reason = 'there is no ledger of this month' where billing_month = '2026-12';"
    )
    row = budget_of(view_of(tmp_path, "2026-Q4", at="2027-01-05", changes=over))
    assert (row["actual"], row["state"]) == (None, "unknown")
    assert row["reason"] == "there is no ledger of this month"


def test_a_scope_that_no_cost_names_stays_unknown_while_a_quarter_runs(
    tmp_path: Path,
) -> None:
    ghost = (
        "update cost.mart_budget_variance set actual_cost = null,"
        " actual_to_date_cost = null, reason = 'no cost names this team';"
    )
    row = budget_of(view_of(tmp_path, "2026-Q4", changes=ghost))
    assert (row["actual"], row["state"]) == (None, "unknown")
    assert row["reason"] == "no cost names this team"


def test_a_running_month_is_compared_with_all_of_the_one_before(
    tmp_path: Path,
) -> None:
    view = view_of(tmp_path, "2026-11")
    # 3,400 of 4,650 are 26.9 % less, and of 4,000 are 85.0 %.
    assert lead(view) == (
        "AI cost **EUR 3.4k** in Nov 2026 so far, 85.0 % of its budget."
    )
    assert change(view) == "−26.9 % against all of Oct 2026"
    headline = cost_by_model_queries.headline(view.snapshot, view.selection, "Direct")
    assert "so far, EUR 1,250.00 (−26.9 %) less than in all of Oct 2026." in (
        cost_by_model_sentences.trend(view, headline, []).replace("\u00a0", " ")
    )
    assert figures.changes_heading(view, "2026-10") == (
        "What changed so far, against all of Oct 2026"
    )


def test_a_month_that_is_over_is_compared_and_held_to_its_budget(
    tmp_path: Path,
) -> None:
    within = _NOVEMBER.format("within")
    view = view_of(tmp_path, "2026-11", at="2026-12-02", changes=within)
    # 600 of 4,000 are 15.0 %.
    assert lead(view) == "AI cost **EUR 3.4k** in Nov 2026, 15.0 % under budget."
    assert change(view) == "−26.9 % against Oct 2026"
    assert figures.changes_heading(view, "2026-10") == "What changed since Oct 2026"


@pytest.mark.parametrize(
    ("budget", "state", "words"),
    [
        # Nothing was to be spent: 3,400 are no part of that.
        (0, "over", ", EUR 3.4k over a budget of EUR 0.00."),
        (-100, "over", ", EUR 3.5k over a budget of −EUR 100.00."),
        (3400, "within", ", as budgeted."),
    ],
)
def test_a_budget_that_has_no_part_is_said_in_money(
    tmp_path: Path, budget: int, state: str, words: str
) -> None:
    changed = _NOVEMBER.format(state) + _OF_NOVEMBER.format(budget)
    view = view_of(tmp_path, "2026-11", at="2026-12-02", changes=changed)
    assert lead(view) == f"AI cost **EUR 3.4k** in Nov 2026{words}"
    said = budget_sentences.budgets(view, [budget_of(view)])
    assert "—" not in said


def test_a_month_on_stale_bills_is_not_called_under_its_budget(tmp_path: Path) -> None:
    stale = _NOVEMBER.format("stale")
    view = view_of(tmp_path, "2026-11", at="2026-12-02", changes=stale)
    assert lead(view).endswith(", 85.0 % of its budget, on stale bills.")


def test_what_is_missing_is_said_in_place_of_a_side_of_the_budget(
    tmp_path: Path,
) -> None:
    lacks = _NOVEMBER.format("incomplete")
    view = view_of(tmp_path, "2026-11", at="2026-12-02", changes=lacks)
    end = "what is missing could put it on either side of its budget."
    assert lead(view).endswith(end)


def test_a_month_before_that_lacks_something_is_said_to(tmp_path: Path) -> None:
    """October has 500 dollars without a rate: November cost less than it all the same.

    An amount that is not known weighs as much; a euro that is missing does not.
    """
    waterfall = (
        "insert into cost.mart_cost_waterfall by name select '2026-10' as"
        " billing_month, 'ledger' as step, 0 as step_order, 'USD' as currency,"
        " 500 as billed_cost, 500 as effective_cost;"
    )
    refused = (
        "insert into core.mart_month_completeness by name select 'aws' as source,"
        " '2026-10' as billing_month, false as is_complete, 'a charge' as missing,"
        " 1 as missing_row_count, {} as missing_amount, 'EUR' as currency;"
    )
    ends = {
        waterfall: "all of Oct 2026 (not complete)",
        refused.format("null"): "all of Oct 2026 (not complete)",
        refused.format("1"): "all of Oct 2026",
    }
    for place, (changes, end) in enumerate(ends.items()):
        view = view_of(tmp_path / str(place), "2026-11", changes=changes)
        assert change(view) == f"−26.9 % against {end}"
        assert "at least" not in lead(view)
        steps = [
            {"step": name, "amount": Decimal(amount), "is_total": True}
            for name, amount in (("earlier", 4650), ("later", 3400), ("change", -1250))
        ]
        said = budget_sentences.bridge(view, steps, "2026-10").replace("\u00a0", " ")
        lacks = " (not complete)" if "(not complete)" in end else ""
        assert f"EUR 4,650.00{lacks} became EUR 3,400.00." in said


def test_the_smallest_refund_is_not_called_the_largest_part(tmp_path: Path) -> None:
    """Of −100 in all, −90 are nine parts of ten, and the first row is the other."""
    view = view_of(tmp_path, "2026-11")
    rows = [
        {"lifecycle_stage": "training", "amount": Decimal(-10), "share_ratio": 0.1},
        {"lifecycle_stage": "serving", "amount": Decimal(-90), "share_ratio": 0.9},
    ]
    said = cost_by_model_sentences.lifecycle(view, rows).replace("\u00a0", " ")
    assert said == "Serving takes **90.0 %** of the cost of models, −EUR 90.00."
    headline = cost_by_model_queries.headline(view.snapshot, view.selection, "Direct")
    refunded = replace(headline, model_cost=Decimal(-100))
    models = [{"model": "ETA v2", "share_ratio": 0.1, "amount": Decimal(340)}]
    assert "largest" not in cost_by_model_sentences.trend(view, refunded, models)
    said = cost_by_model_sentences.trend(view, headline, models)
    assert "The largest: ETA v2 EUR 340 (10.0 %)." in said.replace("\u00a0", " ")


def test_a_change_since_nothing_has_no_percentage(tmp_path: Path) -> None:
    """On the billed basis a month before its invoice has cost nothing."""
    nothing = (
        "update cost.fct_daily_model_costs set effective_cost = 0"
        " where billing_month = '2026-10';"
    )
    view = view_of(tmp_path, "2026-11", changes=nothing)
    headline = cost_by_model_queries.headline(view.snapshot, view.selection, "Direct")
    said = cost_by_model_sentences.trend(view, headline, []).replace("\u00a0", " ")
    assert "so far, EUR 3,400.00 more than in all of Oct 2026." in said


def test_a_quarter_is_open_until_its_end_though_its_first_month_is_closed(
    tmp_path: Path,
) -> None:
    october = "delete from cost.fct_daily_model_costs where billing_month = '2026-11';"
    running = view_of(tmp_path / "running", "2026-Q4", changes=october)
    assert running.standing.label == "Open · complete"
    assert lead(running).startswith("AI cost **EUR 4.65k** in Q4 2026 so far")
    closed = view_of(tmp_path / "closed", "2026-10", changes=october)
    assert closed.standing.label == "Locked"


def test_a_sample_company_ends_on_its_own_last_day(tmp_path: Path) -> None:
    last = (
        "update core.mart_run set is_synthetic = true;"
        "delete from core.mart_month_completeness;"
        "insert into core.mart_month_completeness by name"
        " select '2026-11' as billing_month, date '2026-11-{}' as newest_charge_date;"
    )
    for day, is_over in (("29", False), ("30", True)):
        view = view_of(
            tmp_path / day, "2026-11", at="2027-06-01", changes=last.format(day)
        )
        assert view.standing.is_over is is_over


def test_a_quarter_knows_its_months_on_the_calendar() -> None:
    quarter = selection_queries.Period("2026-Q4", ("2026-10",))
    assert quarter.calendar_months == ("2026-10", "2026-11", "2026-12")
    month = selection_queries.Period("2026-10", ("2026-10",))
    assert month.calendar_months == replace(month, label="x").calendar_months
    assert month.calendar_months == ("2026-10",)
