"""Story of *Summary* and of the board pack: cost, the platform move, what is proven."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dashboard.pages.budget import forecast_queries
from dashboard.pages.summary import migration, queries
from dashboard.pages.summary import returns as return_summary
from dashboard.pages.summary import sentences as words
from dashboard.shared import return_queries
from dashboard.shared.drawing.cost_story import Story

if TYPE_CHECKING:
    from dashboard.shared.context import Page

#: Months of the chart: a move between platforms is seen with the months before it.
_MONTHS = 24


def paragraphs(
    view: Page, spent: queries.Spend, budget: dict[str, Any] | None
) -> list[str]:
    """Write the story in paragraphs: cost, the platform move, what is proven."""
    first = words.spend(view, spent, budget)
    if view.without_ai_cost:
        return [first]
    moved = migration.line(view)
    # With a move the story is long enough: its tile has the rest of the bills.
    parts = (
        (first, moved)
        if moved
        else (first + words.not_ai(view, spent), _largest_owner(view, budget))
    )
    return [part for part in (*parts, return_summary.story(view)) if part]


def _largest_owner(view: Page, budget: dict[str, Any] | None) -> str:
    """Name the team with the highest cost where no budget covers it."""
    is_budgeted = view.selection.basis == "Amortised"
    if budget is not None or not (is_budgeted and view.selection.covers_everything):
        return ""
    return words.without_budget(
        view, queries.largest_team(view.snapshot, view.selection)
    )


def chart(view: Page) -> Story | None:
    """Return the months, events and forecast that the chart draws; None without cost.

    Launches and moves are those of the whole organisation.
    """
    months = queries.spend_months(view.snapshot, view.selection, _MONTHS).to_pylist()
    if not months:
        return None
    is_whole = view.selection.covers_everything
    until = max(view.selection.period.months)
    moved = migration.newest_migration(view.snapshot, until) if is_whole else None
    return Story(
        months,
        view.currency,
        launches=_launches(view, until) if is_whole else (),
        migration=None
        if moved is None
        else (f"{moved['migration_from']:%Y-%m}", f"{moved['migration_to']:%Y-%m}"),
        forecast=_forecast(view),
    )


def _launches(view: Page, until: str) -> list[tuple[str, str]]:
    """Return month and name of each feature with a study, launched by a month."""
    studies = return_queries.study_ledger(view.snapshot, until)
    return [
        (f"{row['launch_date']:%Y-%m}", row["feature"])
        for row in studies
        if row["launch_date"] is not None
    ]


def _forecast(view: Page) -> dict[str, Any] | None:
    """Return the forecast of the month that is not over; amortised only."""
    if view.selection.basis != "Amortised":
        return None
    kinds = {"everything": "total", "model": "model"}
    series = kinds.get(view.selection.scope_kind)
    for row in forecast_queries.landings(view.snapshot, view.selection).to_pylist():
        if row["landing"] == "month" and row["series"] == series:
            return row
    return None
