"""Summary: what AI cost, how fast it ships, what it returned, and what is not known."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.cost_by_model import queries as cost_by_model_queries
from dashboard.pages.cost_by_model import unit_cost_queries
from dashboard.pages.summary import figures, migration, queries
from dashboard.pages.summary import returns as return_summary
from dashboard.pages.summary import sentences as words
from dashboard.pages.velocity import queries as velocity_queries
from dashboard.pages.velocity import sentences as velocity
from dashboard.shared import access, charts, explaining
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import ORGANISATION, Origin
from dashboard.shared.drawing import sparks
from dashboard.shared.selection_queries import AMOUNTS

if TYPE_CHECKING:
    from dashboard.pages.summary.figures import Tile
    from dashboard.shared.context import Page

_COSTS = "cost.fct_daily_model_costs"
_VELOCITY = "delivery.mart_velocity"
#: What budgets are held against; tax and credits stand apart.
_SPEND_COMPONENTS = (
    *("direct", "shared", "idle", "unused_commitment", "overhead"),
    *("unallocated", "remainder"),
)
#: All of it stands on one screen of 1440 by 900: the way to a figure's making lies in
#: the corner of its tile, and boxes are close to one another.
_STYLE = """
<style>
.st-key-first_screen {gap: .6rem}
.st-key-first_screen [data-testid="stMetricLabel"] * {white-space: normal}
.st-key-tiles [data-testid="stVerticalBlock"] {position: relative}
.st-key-tiles [data-testid="stPopover"] {position: absolute; bottom: -.8rem;
  right: .4rem; width: auto}
.st-key-first_screen [data-testid="stPageLink"] a {padding: 0; min-height: 0}
.st-key-first_screen [data-testid="stPageLink"] a * {white-space: normal;
  overflow: visible}
</style>
"""


def main() -> None:
    """Draw the page."""
    here = page.current(__file__)
    spent = queries.ai_spend(here.snapshot, here.selection)
    budget = figures.budget_of(here)
    unit = unit_cost_queries.unit_summary(here.snapshot, here.selection, figures.UNIT)
    st.html(_STYLE)
    with st.container(key="first_screen"):
        st.markdown(words.against_budget(here, spent, budget))
        with st.container(key="tiles"):
            show_tiles(here, spent, budget, unit)
        moved = migration.line(here)
        if moved:
            st.markdown(moved)
        show_layers(here, budget)
        changed, unknown = st.columns(2)
        with changed.container(border=True, height="stretch", gap="xsmall"):
            show_changes(here)
        with unknown.container(border=True, height="stretch", gap="xsmall"):
            show_gaps(here, unit)
    show_board_pack()


def show_board_pack() -> None:
    """Lead whoever may take it away to the pack for the board."""
    if access.visitor().may_open("statements"):
        label = "**Board pack**"
        page.link_to("statements", label=label)


def show_tiles(
    here: Page,
    spent: queries.Spend,
    budget: dict[str, Any] | None,
    unit: unit_cost_queries.UnitSummary,
) -> None:
    """Draw the figures on top, one for each question that comes first."""
    columns = st.columns(5)
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        _tile_spend(here, spent, budget)
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        _tile_unit_cost(here, unit)
    with columns[2].container(border=True, height="stretch", gap="xsmall"):
        _tile_lead_time(here)
    with columns[3].container(border=True, height="stretch", gap="xsmall"):
        return_summary.tile_net_value(here)
    with columns[4].container(border=True, height="stretch", gap="xsmall"):
        return_summary.tile_evidence(here)


def _tile_spend(
    here: Page, spent: queries.Spend, budget: dict[str, Any] | None
) -> None:
    _draw(here, figures.spend_tile(here, spent, budget))
    explaining.show(
        here,
        Origin(
            formula="Sum of the cost of every component except tax and credits: what"
            " budgets are compared with.",
            mart=_COSTS,
            row_count=spent.row_count,
            figures=(
                here.scoped_figure(
                    "AI cost",
                    f"{_COSTS}/{AMOUNTS[here.selection.basis]}",
                    component=_SPEND_COMPONENTS,
                ),
            )
            if spent.row_count
            else (),
        ),
    )


def _draw(here: Page, tile: Tile) -> None:
    short = (
        fmt.short_money(tile.number, here.currency)
        if tile.kind == "money" and isinstance(tile.number, Decimal)
        else tile.value
    )
    st.metric(
        tile.label,
        short,
        help=None if short == tile.value else f"Exactly {tile.value}",
        delta=tile.change,
        delta_color="off",
        delta_arrow="off",
    )
    st.caption(tile.note)


def _tile_unit_cost(here: Page, unit: unit_cost_queries.UnitSummary) -> None:
    _draw(here, figures.unit_cost_tile(here, unit))
    explaining.show(
        here,
        Origin(
            formula="Fully loaded effective cost of metered models ÷ requests × 1,000,"
            " without and with the idle capacity that is charged to no model; always"
            " amortised.",
            mart="cost.mart_model_unit_costs",
            row_count=unit.model_count,
        ),
    )


def _tile_lead_time(here: Page) -> None:
    tile = figures.lead_time_tile(here)
    _draw(here, tile)
    explaining.show(
        here,
        Origin(
            formula=velocity.METRICS["change_lead_time"][1]
            + " Medians of several have no common one. A change is beyond chance where"
            " the 90 % intervals of both months lie apart.",
            mart=_VELOCITY,
            row_count=tile.row_count,
        ),
    )


def show_layers(here: Page, budget: dict[str, Any] | None) -> None:
    """Draw a story for each layer: its window, a sentence, a line, and the way on."""
    is_month = len(here.selection.period.months) == 1
    target = budget["budget"] if budget is not None and is_month else None
    cost, delivery, value = st.columns(3)
    with cost.container(border=True, height="stretch", gap="xsmall"):
        page.link_to("cost_by_model", label=f"**What it costs**, {here.period}")
        models = cost_by_model_queries.model_costs(
            here.snapshot, here.selection, "Fully loaded"
        )
        st.markdown(words.largest_models(here, models.to_pylist()))
        spark = sparks.spend(
            queries.spend_months(here.snapshot, here.selection),
            here.currency,
            charts.palette(),
            target=target,
        )
        charts.show(spark, description="AI cost by month, up to the period.")
    with delivery.container(border=True, height="stretch", gap="xsmall"):
        _show_delivery(here)
    with value.container(border=True, height="stretch", gap="xsmall"):
        return_summary.column(here)


def _show_delivery(here: Page) -> None:
    page.link_to("velocity", label=f"**How fast and safely it ships**, {here.period}")
    month, _ = figures.months_of(here)
    scoped = velocity_queries.SCOPE_KINDS.get(here.selection.scope_kind)
    kind = scoped or figures.shipping_kind(here)
    st.markdown(figures.delivery_sentence(here))
    of = here.selection.scope_id if scoped else ""
    rows = queries.lead_time_months(here.snapshot, kind, of, month)
    if rows:
        charts.show(
            sparks.lead_times(rows, charts.palette()),
            description=f"Median change lead time by month, a line for each {kind}.",
            of=here.scope if scoped else ORGANISATION,
        )


def show_changes(here: Page) -> None:
    """Say which three things moved the cost of the last month."""
    month = max(here.selection.period.months)
    against = figures.compared_month(here)
    page.link_to("budget", label=f"**{figures.changes_heading(here, against)}**")
    if against is None:
        st.markdown(f"No month before {fmt.month(month)} has cost to compare it with.")
        return
    for each in figures.changes(here, against):
        st.markdown(f"- {each}")


def show_gaps(here: Page, unit: unit_cost_queries.UnitSummary) -> None:
    """Say what the figures cannot tell, what matters most to a signature first."""
    st.markdown("**What we cannot say**")
    found = figures.gaps(
        here,
        unit,
        return_summary.gaps(here),
        with_invoices=access.visitor().may_open("close"),
    )
    if not found:
        st.markdown("Nothing is known to be missing: bills tie, and have owners.")
        return
    for gap in found[: figures.SHOWN_GAPS]:
        page.link_to(gap.view, label=gap.text)
    more = len(found) - figures.SHOWN_GAPS
    if more > 0:
        st.caption(f"{more} more on *Data health*")


main()
