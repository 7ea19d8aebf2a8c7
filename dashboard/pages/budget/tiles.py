"""Tiles of Budget: spending, and landings of month, quarter and year."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.budget import charts as budget_charts
from dashboard.pages.budget import queries
from dashboard.pages.budget import sentences as budget_sentences
from dashboard.shared import explaining
from dashboard.shared import format as fmt
from dashboard.shared.context import Origin, Stated, Where

if TYPE_CHECKING:
    from collections.abc import Callable

    from dashboard.shared.context import Page

BUDGETS = "cost.mart_budget_variance"
OUTTURNS = "cost.mart_cost_outturns"


def show_tiles(
    view: Page, budgets: list[dict[str, Any]], landings: list[dict[str, Any]]
) -> None:
    """Draw the figures on top: of budgets, then where month, quarter and year end."""
    first = budgets[0] if budgets else None
    furthest = budget_sentences.furthest_team(budgets)
    ends = {landing["landing"]: landing for landing in reversed(landings)}
    tiles: list[Callable[[], None]] = [lambda: _tile_budget(view, first)]
    if view.selection.covers_everything and furthest is not None:
        tiles.append(lambda: _tile_team(view, furthest, budgets))
    if "year" not in ends:
        tiles.append(lambda: _tile_to_date(view, first))
    tiles += [
        partial(_tile_landing, view, ends[kind], first)
        for kind in ("month", "quarter", "year")
        if kind in ends
    ]
    for column, draw in zip(st.columns(len(tiles)), tiles, strict=True):
        with column.container(border=True, height="stretch", gap="xsmall"):
            draw()


def _tile_team(view: Page, row: dict[str, Any], budgets: list[dict[str, Any]]) -> None:
    st.metric(
        view.tile_label(f"Furthest over budget: {row['scope']}"),
        _part_of_budget(row),
        delta=_standing(row),
        delta_color="off",
        delta_arrow="off",
    )
    teams = [team for team in budgets if team["scope_type"] == "team"]
    over = [team for team in teams if team["state"] == "over"]
    st.caption(
        f"{fmt.money(row['actual'], view.currency)} of"
        f" {fmt.money(row['budget'], view.currency)}; {len(over)} of"
        f" {fmt.plural(len(teams), 'team')} over"
    )
    explaining.show(
        view,
        Origin(
            formula="The greatest (actual − budget) ÷ budget of the teams that have a"
            " budget and a known cost.",
            mart=BUDGETS,
            row_count=row["row_count"],
            figures=_budget_figures(
                view, row, {"Actual": "actual_cost", "Budget": "budget_amount"}
            ),
        ),
    )


def _tile_budget(view: Page, row: dict[str, Any] | None) -> None:
    label = "Against budget"
    if row is None:
        st.metric(view.tile_label(label), fmt.unknown("no budget"))
        way = " Add one in Set-up." if queries.has_periods(view.snapshot) else ""
        st.caption(f"{budget_sentences.no_budget(view)}{way}")
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


def _tile_landing(
    view: Page, row: dict[str, Any], budget: dict[str, Any] | None
) -> None:
    name = fmt.month(row["period"])
    st.metric(
        view.total_label(f"{name} will end at", row["expected"]),
        fmt.estimate(row["expected"], view.currency),
        delta=row["outlook"],
        delta_color="off",
        delta_arrow="off",
    )
    st.caption(f"{within(row, view.currency)}{_to_date(view, row, budget)}")
    explaining.show(
        view,
        Origin(
            formula="What the days up to the last complete one cost, and what the rest"
            " is expected to. Over or within only where the whole interval is, with"
            " what is missing at most. Intervals are widened until nine in ten past"
            " sums lie inside theirs.",
            mart=OUTTURNS,
            row_count=1,
            figures=_landing_figures(view, row),
        ),
    )


def _to_date(view: Page, row: dict[str, Any], budget: dict[str, Any] | None) -> str:
    """Write a fiscal year's cost so far, of its budget until then."""
    if row["landing"] != "year" or budget is None or budget["actual_to_date"] is None:
        return ""
    return (
        f"; to date {fmt.short_money(budget['actual_to_date'], view.currency)} of"
        f" {fmt.short_money(budget['budget_to_date'], view.currency)}"
    )


def within(landing: dict[str, Any], currency: str) -> str:
    """Return the interval of a landing, how it held, and the budget next to it.

    Without a budget the mark next to the figure states so.
    """
    interval = fmt.interval(landing["low"], landing["high"], currency)
    budget = landing["budget"]
    against = "" if budget is None else f"; budget {fmt.money(budget, currency)}"
    return f"90 % interval {interval}, {budget_sentences.held(landing)}{against}"


def _landing_figures(view: Page, row: dict[str, Any]) -> tuple[Stated, ...]:
    """Return the known part of a landing, exactly, and its expected end."""
    of: dict[str, Where] = {
        "billing_month": (),
        "horizon": row["landing"],
        "series": row["series"],
        "model_id": row["model_id"],
    }
    return (
        view.figure("Known", f"{OUTTURNS}/actual_cost", **of),
        view.figure("Will end at", f"{OUTTURNS}/outturn_cost", **of),
    )
