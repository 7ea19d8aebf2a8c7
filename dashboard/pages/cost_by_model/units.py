"""Cost of a unit, by month and by model."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

import streamlit as st

from dashboard.pages.cost_by_model import sentences, unit_cost_queries
from dashboard.shared import charts, filters, tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page

_UNIT_NAMES: tuple[unit_cost_queries.Unit, ...] = get_args(unit_cost_queries.Unit)
_DENOMINATORS = {
    "1,000 requests": "Requests",
    "1M tokens": "Tokens, in and out",
    "GPU-hour": "GPU-hours held",
}
#: Numerator, as its formula and its table name it.
_NUMERATORS = {
    "1,000 requests": "Fully loaded effective cost of the days with known requests",
    "1M tokens": "Effective cost of tokens",
    "GPU-hour": "Effective cost of shares of GPU pools",
}


def show_unit_costs(view: Page) -> None:
    """Draw cost per unit with numerator, denominator and coverage."""
    st.header("Unit cost", anchor=False)
    unit = cast(
        "unit_cost_queries.Unit",
        filters.segments("Per", "unit", _UNIT_NAMES, default=_UNIT_NAMES[0]),
    )
    summary = unit_cost_queries.unit_summary(view.snapshot, view.selection, unit)
    st.markdown(sentences.unit_cost(view, summary, unit))
    if view.selection.basis == "Billed":
        st.caption(sentences.UNIT_COST_BASIS)
    trend = unit_cost_queries.unit_trend(view.snapshot, view.selection, unit)
    if any(value is not None for value in trend["unit_cost"].to_pylist()):
        charts.show(
            charts.unit_costs(trend, view.currency, unit, charts.palette()),
            description=f"Line: cost per {unit} by month over all metered models.",
            of=view.drawn(basis="amortised"),
        )
    models = unit_cost_queries.unit_costs(view.snapshot, view.selection, unit)
    tables.show(
        models,
        [
            tables.Column("model", "Model"),
            tables.Column("unit_cost", f"Per {unit}", "unit_cost", "reason"),
            tables.Column("cost", "Cost (numerator)", "money"),
            tables.Column("quantity", f"{_DENOMINATORS[unit]} (denominator)", "count"),
            tables.Column("coverage_ratio", "Meter coverage", "coverage"),
            tables.Column("prior_unit_cost", "Period before", "unit_cost"),
            tables.Column("change_ratio", "Change", "signed_percent"),
        ],
        page=view,
        name="unit-costs",
        caption=f"Cost per {unit} by model, amortised",
        origin=Origin(
            formula=f"{_NUMERATORS[unit]} ÷ {_DENOMINATORS[unit]}. Both are of metered"
            " days. A month with fewer than half of its days metered is in neither."
            " Coverage is metered days ÷ days with cost, of the month that has the"
            " least.",
            mart="cost.mart_model_unit_costs",
        ),
    )
