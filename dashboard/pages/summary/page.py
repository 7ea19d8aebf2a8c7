"""Summary: cost of AI, speed of delivery, returns and open questions."""

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
from dashboard.shared import access, charts, explaining, names
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
#: Components compared with budgets; tax and credits are kept apart.
_SPEND_COMPONENTS = (
    *("direct", "shared", "idle", "unused_commitment", "overhead"),
    *("unallocated", "remainder"),
)
#: All of it fits on a screen of 1440 by 900: the link to a figure's derivation is in
#: the corner of its tile, and boxes are close to each other.
_STYLE = """
<style>
.st-key-first_screen {gap: .6rem}
.st-key-first_screen [data-testid="stMetricLabel"] * {white-space: normal}
.st-key-tiles [data-testid="stVerticalBlock"] {position: relative}
.st-key-tiles [data-testid="stPopover"] {position: absolute; bottom: -.8rem;
  right: .4rem; width: auto}
.st-key-first_screen [data-testid="stPageLink"] a {padding: 0; min-height: 0}
.st-key-first_screen [data-testid="stPageLink"] a * {white-space: normal;
  overflow: visible; font-size: 1rem}
</style>
"""


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    spent = queries.ai_spend(view.snapshot, view.selection)
    budget = figures.budget_of(view)
    unit = unit_cost_queries.unit_summary(view.snapshot, view.selection, figures.UNIT)
    st.html(_STYLE)
    with st.container(key="first_screen"):
        st.markdown(words.against_budget(view, spent, budget))
        if view.without_ai_cost:
            page.link_to("setup", label="**Set-up**")
        with st.container(key="tiles"):
            show_tiles(view, spent, budget, unit)
        moved = migration.line(view)
        if moved:
            st.markdown(moved)
        show_layers(view)
        changed, unknown = st.columns(2)
        with changed.container(border=True, height="stretch", gap="xsmall"):
            show_changes(view)
        with unknown.container(border=True, height="stretch", gap="xsmall"):
            show_gaps(view, unit)
    show_board_pack()


def show_board_pack() -> None:
    """Link to the board pack for users who may take it away."""
    if access.visitor().may_open("statements"):
        label = "**Board pack**"
        page.link_to("statements", label=label)


def show_tiles(
    view: Page,
    spent: queries.Spend,
    budget: dict[str, Any] | None,
    unit: unit_cost_queries.UnitSummary,
) -> None:
    """Draw the top figures, a tile for each of the first questions."""
    columns = st.columns(5)
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        _tile_spend(view, spent, budget)
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        _tile_unit_cost(view, unit)
    with columns[2].container(border=True, height="stretch", gap="xsmall"):
        _tile_lead_time(view)
    with columns[3].container(border=True, height="stretch", gap="xsmall"):
        return_summary.tile_net_value(view)
    with columns[4].container(border=True, height="stretch", gap="xsmall"):
        return_summary.tile_evidence(view)


def _tile_spend(
    view: Page, spent: queries.Spend, budget: dict[str, Any] | None
) -> None:
    _draw(view, figures.spend_tile(view, spent, budget))
    explaining.show(
        view,
        Origin(
            formula="Sum of the cost of every component except tax and credits: what"
            " budgets are compared with.",
            mart=_COSTS,
            row_count=spent.row_count,
            figures=(
                view.scoped_figure(
                    "AI cost",
                    f"{_COSTS}/{AMOUNTS[view.selection.basis]}",
                    component=_SPEND_COMPONENTS,
                ),
            )
            if spent.row_count
            else (),
        ),
    )


def _draw(view: Page, tile: Tile) -> None:
    short = (
        fmt.short_money(tile.number, view.currency)
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


def _tile_unit_cost(view: Page, unit: unit_cost_queries.UnitSummary) -> None:
    _draw(view, figures.unit_cost_tile(view, unit))
    explaining.show(
        view,
        Origin(
            formula="Fully loaded effective cost of metered models ÷ requests × 1,000,"
            " without and with the idle capacity that is charged to no model; always"
            " amortised.",
            mart="cost.mart_model_unit_costs",
            row_count=unit.model_count,
        ),
    )


def _tile_lead_time(view: Page) -> None:
    tile = figures.lead_time_tile(view)
    _draw(view, tile)
    explaining.show(
        view,
        Origin(
            formula=velocity.METRICS["change_lead_time"][1]
            + " Medians of several have no common one. A change is beyond chance where"
            " the 90 % intervals of both months lie apart.",
            mart=_VELOCITY,
            row_count=tile.row_count,
        ),
    )


def show_layers(view: Page) -> None:
    """Draw a story for each layer: its window, a sentence, a line, and the way on."""
    cost, delivery, value = st.columns(3)
    with cost.container(border=True, height="stretch", gap="xsmall"):
        page.link_to("cost_by_model", label=f"**What it costs**, {view.period}")
        models = cost_by_model_queries.model_costs(
            view.snapshot, view.selection, "Fully loaded"
        )
        st.markdown(words.largest_models(view, models.to_pylist()))
        spark = sparks.spend(
            queries.spend_months(view.snapshot, view.selection),
            view.currency,
            charts.palette(),
        )
        charts.show(
            spark,
            description="AI cost by month, up to the period; a dashed line with a step"
            " for each month's own budget.",
        )
    with delivery.container(border=True, height="stretch", gap="xsmall"):
        _show_delivery(view)
    with value.container(border=True, height="stretch", gap="xsmall"):
        return_summary.column(view)


def _show_delivery(view: Page) -> None:
    page.link_to("velocity", label=f"**How it ships**, {view.period}")
    month, _ = figures.months_of(view)
    scoped = velocity_queries.SCOPE_KINDS.get(view.selection.scope_kind)
    kind = scoped or figures.shipping_kind(view)
    st.markdown(figures.delivery_sentence(view))
    of = view.selection.scope_id if scoped else ""
    rows = [
        {**row, "series": names.name_of(view.snapshot, kind, row["series"])}
        for row in queries.lead_time_months(view.snapshot, kind, of, month)
    ]
    if rows:
        charts.show(
            sparks.lead_times(rows, charts.palette()),
            description=f"Median change lead time by month, a line for each {kind}.",
            of=view.scope if scoped else ORGANISATION,
        )


def show_changes(view: Page) -> None:
    """Name the three top drivers of the cost of the last month."""
    month = max(view.selection.period.months)
    against = figures.compared_month(view)
    page.link_to("budget", label=f"**{figures.changes_heading(view, against)}**")
    if against is None:
        st.markdown(f"No month before {fmt.month(month)} has cost to compare it with.")
        return
    for each in figures.changes(view, against):
        st.markdown(f"- {each}")


def show_gaps(view: Page, unit: unit_cost_queries.UnitSummary) -> None:
    """List the gaps of the figures, the most relevant to a signature first."""
    st.markdown("**What we cannot say**")
    found = figures.gaps(
        view,
        unit,
        return_summary.gaps(view),
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
