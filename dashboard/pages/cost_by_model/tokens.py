"""Cost of a million tokens by kind: input, cached input and output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from dashboard.pages.cost_by_model import token_queries
from dashboard.shared import tables
from dashboard.shared.context import Origin

if TYPE_CHECKING:
    from dashboard.shared.context import Page


def show_token_costs(view: Page) -> None:
    """Draw the cost of tokens by kind; nothing if no line names a kind."""
    models = token_queries.token_costs(view.snapshot, view.selection)
    if not models.num_rows:
        return
    st.subheader("Tokens by kind", anchor=False)
    st.caption(
        "Each line of a bill is divided among the users of its kind, so that a model"
        " with a well used cache costs less. *Blended* takes all kinds alike and moves"
        " with their mix."
    )
    tables.show(
        models,
        [
            tables.Column("model", "Model"),
            tables.Column("per_input", "1M input", "unit_cost"),
            tables.Column("per_cached", "1M cached", "unit_cost", "cached_reason"),
            tables.Column("per_written", "1M written", "unit_cost", "cached_reason"),
            tables.Column("per_output", "1M output", "unit_cost"),
            tables.Column("cache_hit_ratio", "Cache hits", "percent"),
            tables.Column("per_all", "1M blended", "unit_cost"),
            tables.Column("other_cost", "Of no kind", "money"),
        ],
        page=view,
        name="token-costs",
        caption="Cost per million tokens by kind, amortised",
        origin=Origin(
            formula="Effective cost of the lines of a kind \u00f7 tokens of that kind"
            " \u00d7 1,000,000. Without a line for cached or written input, it was"
            " charged as input. Blended is the cost of tokens \u00f7 all tokens. Of no"
            " kind: fees, searches and images in pools of tokens.",
            mart="cost.mart_model_unit_costs",
        ),
    )
