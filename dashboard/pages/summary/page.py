"""Summary: cost of AI, speed of delivery, returns and open questions."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.cost_by_model import unit_cost_queries
from dashboard.pages.summary import figures, queries, sentences, story
from dashboard.pages.summary import returns as return_summary
from dashboard.pages.velocity import sentences as velocity
from dashboard.shared import access, charts, explaining
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import Origin
from dashboard.shared.drawing import cost_story
from dashboard.shared.selection_queries import AMOUNTS

if TYPE_CHECKING:
    from collections.abc import Callable

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
        st.markdown("\n\n".join(story.paragraphs(view, spent, budget)))
        if view.without_ai_cost:
            page.link_to("setup", label="**Set-up**")
        show_chart(view)
        with st.container(key="tiles"):
            show_tiles(view, spent, budget, unit)
        changed, unknown = st.columns(2)
        with changed.container(border=True, height="stretch", gap="xsmall"):
            show_changes(view)
        with unknown.container(border=True, height="stretch", gap="xsmall"):
            show_gaps(view, unit)
    show_board_pack()


def show_chart(view: Page) -> None:
    """Draw AI cost by month with its budget, launches, a move and the forecast."""
    months = story.chart(view)
    if months is None:
        return
    charts.show(
        cost_story.draw(months, charts.palette()),
        description="AI cost by month up to the period, and each month's budget as a"
        " dashed step. Marks show launches and the platform move; a band shows the"
        " forecast of the running month.",
    )


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
    """Draw the tiles of each layer under a link to its page."""
    cost, delivery, value = st.columns((2, 1, 2))
    with cost:
        page.link_to("cost_by_model", label="**What it costs**")
        _beside(
            lambda: _tile_spend(view, spent, budget),
            lambda: _tile_unit_cost(view, unit),
        )
    with delivery:
        page.link_to("velocity", label="**How it ships**")
        _beside(lambda: _tile_lead_time(view))
    with value:
        page.link_to("impact", label="**What it returned**")
        _beside(
            lambda: return_summary.tile_net_value(view),
            lambda: return_summary.tile_evidence(view),
        )


def _beside(*tiles: Callable[[], None]) -> None:
    """Draw tiles in boxes of the same width."""
    for column, draw in zip(st.columns(len(tiles)), tiles, strict=True):
        with column.container(border=True, height="stretch", gap="xsmall"):
            draw()


def _tile_spend(
    view: Page, spent: queries.Spend, budget: dict[str, Any] | None
) -> None:
    _draw(view, figures.spend_tile(view, spent, budget))
    explaining.show(
        view,
        Origin(
            formula="Sum of the cost of every component except tax and credits: what"
            f" budgets are compared with.{sentences.not_ai(view, spent)}",
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
            + " Medians of several have no common one. A change is real where"
            " the 90 % intervals of both months lie apart.",
            mart=_VELOCITY,
            row_count=tile.row_count,
        ),
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
