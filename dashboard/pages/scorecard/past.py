"""The scorecard of a past month: only migrations as known then."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import streamlit as st

from dashboard.pages.scorecard import queries
from dashboard.pages.scorecard import sentences as words
from dashboard.shared import format as fmt
from dashboard.shared import tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page

_MART: Final = "roi.mart_platform_migration_months"


def show(view: Page, month: str, newest: str) -> None:
    """Draw migrations as known in a month.

    Parameters
    ----------
    view : Page
        Period, scope and data of the page.
    month, newest : str
        The chosen month, and the newest that figures of platforms know.
    """
    st.caption(
        f"Figures of platforms are to date. Choose {fmt.month(newest)} for them."
    )
    table = queries.changes_of_month(view.snapshot, month)
    rows = table.to_pylist()
    if not rows:
        st.markdown(f"No migration had ended by {fmt.month(month)}.")
        return
    told = [
        ("metric_name", [words.METRICS[row["metric"]] for row in rows]),
        ("windows", [windows(row) for row in rows]),
        ("before_told", [_figure(row, "before_figure") for row in rows]),
        ("since_told", [_figure(row, "since_figure") for row in rows]),
    ]
    for name, values in told:
        table = table.append_column(name, [values])
    tables.show(
        table,
        [
            tables.Column("migration_name", "Migration"),
            tables.Column("metric_name", "Metric"),
            tables.Column("windows", "Since, against before"),
            tables.Column("before_told", "Before"),
            tables.Column("since_told", "Since"),
            tables.Column("since_change_ratio", "Change", "percent"),
        ],
        page=view,
        name="platform-move-of-month",
        caption=f"Migrations as {fmt.month(month)} knew them",
        origin=Origin(
            formula="All months since the migration to the chosen one, against as many"
            " before, twelve at most: since \u00f7 before \u2212 1.",
            mart=_MART,
            row_count=table.num_rows,
        ),
    )


def windows(row: dict[str, Any]) -> str:
    """Write the months since and the months before, those that are known."""
    since, before = (
        fmt.UNKNOWN
        if row[f"{side}_first_month"] is None
        else f"{fmt.month(row[f'{side}_first_month'])} to"
        f" {fmt.month(row[f'{side}_last_month'])}"
        for side in ("since", "before")
    )
    return f"{since} against {before}"


def _figure(row: dict[str, Any], name: str) -> str:
    """Write a figure in the unit of its metric."""
    return words.figure(row[name], row["unit"], row["currency"])
