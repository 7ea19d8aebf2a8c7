"""The tiles of Budget: what is spent of it, and where the month ends."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.budget import charts as budget_charts
from dashboard.shared import explaining
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin, Stated, Where

if TYPE_CHECKING:
    from dashboard.shared.context import Page

BUDGETS = "cost.mart_budget_variance"
OUTTURNS = "cost.mart_cost_outturns"


def show_tiles(
    view: Page, budgets: list[dict[str, Any]], landings: list[dict[str, Any]]
) -> None:
    """Draw the four figures on top."""
    columns = st.columns(4)
    first = budgets[0] if budgets else None
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        _tile_budget(view, first)
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        _tile_to_date(view, first)
    for column, landing in zip(columns[2:], ("month", "quarter"), strict=True):
        found = [row for row in landings if row["landing"] == landing]
        with column.container(border=True, height="stretch", gap="xsmall"):
            _tile_landing(view, landing, found)


def _tile_budget(view: Page, row: dict[str, Any] | None) -> None:
    label = "Against budget"
    if row is None:
        st.metric(view.tile_label(label), fmt.unknown("no budget"))
        st.caption(f"{view.period} has no budget in this scope")
    else:
        st.metric(
            view.tile_label(f"{label}: {row['scope']}"),
            _part_of_budget(row),
            delta=_standing(row),
            delta_color="off",
            delta_arrow="off",
        )
        st.caption(
            f"{view.at_least(row['actual'])}"
            f"{fmt.money(row['actual'], view.currency)} of"
            f" {fmt.money(row['budget'], view.currency)}"
        )
    explaining.show(
        view,
        Origin(
            formula="(Actual − budget) ÷ budget, and actual ÷ budget: 280 % over is 3.8"
            " times. Never within on stale bills, on bills that lack something, or"
            " while the month runs.",
            mart=BUDGETS,
            row_count=row["row_count"] if row else 0,
            figures=_budget_figures(
                view, row, {"Actual": "actual_cost", "Budget": "budget_amount"}
            ),
        ),
    )


def _part_of_budget(row: dict[str, Any]) -> str:
    if row["times_budget"] is None:
        return budget_charts.STATE_MARKS[row["state"]]
    return f"{fmt.percent(row['times_budget'])} of budget"


def _standing(row: dict[str, Any]) -> str:
    """Write the state of a budget as a badge, and how far actual and budget part."""
    mark = budget_charts.STATE_MARKS[row["state"]]
    if row["times_budget"] is None:
        return mark
    return f"{mark} · {fmt.against_budget(row['variance_ratio'], row['times_budget'])}"


def _budget_figures(
    view: Page, row: dict[str, Any] | None, names: dict[str, str], **where: Where
) -> tuple[Stated, ...]:
    """Return amounts of a scope's budget, which is none where there is no budget."""
    if row is None:
        return ()
    of: dict[str, Where] = {
        "billing_month": view.selection.period.calendar_months,
        "scope_type": row["scope_type"],
        "scope_id": row["scope_id"],
        **where,
    }
    return tuple(
        view.figure(label, f"{BUDGETS}/{column}", **of)
        for label, column in names.items()
    )


def _tile_to_date(view: Page, row: dict[str, Any] | None) -> None:
    year, budget, actual = (
        (f" {row['fiscal_year']}", row["budget_to_date"], row["actual_to_date"])
        if row
        else ("", None, None)
    )
    st.metric(
        view.total_label(f"Fiscal year{year} to date", actual),
        fmt.short_money(actual, view.currency),
        help=None if actual is None else fmt.money_exact(actual, view.currency),
    )
    budgeted = f"of {fmt.money(budget, view.currency)} budgeted"
    st.caption(budgeted if row else "no budget in this scope")
    explaining.show(
        view,
        Origin(
            formula="Sums from the fiscal year's first month with a budget to the last"
            " of the period; unknown where one of them is.",
            mart=BUDGETS,
            row_count=row["row_count"] if row else 0,
            figures=_budget_figures(
                view,
                row,
                {
                    "Actual to date": "actual_to_date_cost",
                    "Budget to date": "budget_to_date_amount",
                },
                billing_month=row["last_month"] if row else "",
            ),
        ),
    )


def _tile_landing(view: Page, landing: str, rows: list[dict[str, Any]]) -> None:
    row = rows[0] if rows else None
    name = fmt.month(row["period"]) if row else f"The {landing}"
    st.metric(
        view.total_label(f"{name} will end at", row["expected"] if row else None),
        fmt.estimate(row["expected"], view.currency)
        if row
        else fmt.unknown("no forecast"),
        delta=row["outlook"] if row else None,
        delta_color="off",
        delta_arrow="off",
    )
    if row:
        st.caption(f"{view.organisation_prefix}{within(row, view.currency)}")
    else:
        st.caption("nothing is forecast: no bill is delivered daily")
    explaining.show(
        view,
        Origin(
            formula="What the days up to the last complete one cost, and what the rest"
            " is expected to. Over or within only where the whole interval is.",
            mart=OUTTURNS,
            row_count=len(rows),
            figures=_landing_figures(view, landing, row),
        ),
    )


def within(landing: dict[str, Any], currency: str) -> str:
    """Return the interval of a landing, and the budget that it is compared with.

    Without a budget the mark next to the figure says so.
    """
    interval = fmt.interval(landing["low"], landing["high"], currency)
    budget = landing["budget"]
    against = "" if budget is None else f"; budget {fmt.money(budget, currency)}"
    return f"90 % interval {interval}{against}"


def _landing_figures(
    view: Page, landing: str, row: dict[str, Any] | None
) -> tuple[Stated, ...]:
    """Return what is known of a landing, exactly, and where it will end."""
    if row is None:
        return ()
    of: dict[str, Where] = {
        "billing_month": (),
        "horizon": landing,
        "series": row["series"],
        "model_id": row["model_id"],
    }
    return (
        view.figure("Known", f"{OUTTURNS}/actual_cost", **of),
        view.figure("Will end at", f"{OUTTURNS}/outturn_cost", **of),
    )
