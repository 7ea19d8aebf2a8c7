"""First section of *Budget & forecast*: budget, actual, outturn."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import streamlit as st

from dashboard.shared import charts
from dashboard.shared import format as fmt
from dashboard.shared.drawing import step_charts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dashboard.shared.context import Page

_NAMES = {
    "budget": "Budget",
    "variance": "Variance to date",
    "actual": "Actual to date",
    "ahead": "Expected until the end",
    "outturn": "Forecast outturn",
}


def steps(
    budget: Decimal, actual: Decimal, outturn: float | None
) -> list[dict[str, Any]]:
    """Return a waterfall from a budget to the actual and, while it runs, the outturn.

    Parameters
    ----------
    budget, actual : Decimal
        Of the same scope and period, in the same currency.
    outturn : float or None
        Expected end of the period; ``None`` once it is over.
    """
    rows = [
        _total("budget", budget),
        _bar("variance", budget, actual),
        _total("actual", actual),
    ]
    if outturn is not None:
        end = Decimal(repr(outturn))
        rows += [_bar("ahead", actual, end), _total("outturn", end)]
    return rows


def show(
    view: Page, budgets: Sequence[dict[str, Any]], landings: Sequence[dict[str, Any]]
) -> None:
    """Draw the waterfall of the first scope; nothing without budget and actual."""
    first = budgets[0] if budgets else None
    if first is None or first["budget"] is None or first["actual"] is None:
        return
    ends = [
        row["expected"]
        for row in landings
        if row["landing"] == "month"
        and row["series"] == "total"
        and row["period"] == view.selection.period.label
        and first["scope_type"] == "all"
    ]
    table = pa.Table.from_pylist(
        steps(first["budget"], first["actual"], ends[0] if ends else None)
    )
    scope = fmt.markdown(first["scope"])
    st.markdown(f"**From budget to actual to forecast: {scope}**")
    charts.show(
        step_charts.steps(table, _NAMES, view.currency, charts.palette()),
        description="A waterfall from the budget by the variance to the actual and, of"
        " a month that runs, to the forecast outturn. The table has the same amounts.",
        of=view.drawn(basis="amortised"),
    )


def _total(step: str, amount: Decimal) -> dict[str, Any]:
    return {
        "step": step,
        "amount": amount,
        "is_total": True,
        "starts_at": Decimal(0),
        "ends_at": amount,
    }


def _bar(step: str, begins: Decimal, ends: Decimal) -> dict[str, Any]:
    return {
        "step": step,
        "amount": ends - begins,
        "is_total": False,
        "starts_at": begins,
        "ends_at": ends,
    }
