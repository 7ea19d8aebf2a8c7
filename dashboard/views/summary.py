"""Summary: what AI cost, how fast it ships, what it returned, and what is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard import budget_charts, charts, data, page, return_summary, sparks
from dashboard import format as fmt
from dashboard import summary_sentences as words
from dashboard import velocity_sentences as velocity

if TYPE_CHECKING:
    from decimal import Decimal

    from dashboard.page import Page

_COSTS = "cost.fct_daily_model_costs"
_VELOCITY = "delivery.mart_velocity"
_COLUMNS: dict[data.Basis, str] = {
    "Amortised": "effective_cost",
    "Billed": "billed_cost",
}
#: What budgets are held against; tax and credits stand apart.
_SPEND_COMPONENTS = (
    *("direct", "shared", "idle", "unused_commitment", "overhead"),
    *("unallocated", "remainder"),
)
_UNIT: data.Unit = "1,000 requests"
_SHOWN_GAPS = 3
#: What a line of the bridge without a model is called.
_NO_MODEL = "no model"
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
</style>
"""


def main() -> None:
    """Draw the page."""
    here = page.current(__file__)
    spent = data.ai_spend(here.snapshot, here.selection)
    budget = _budget(here)
    unit = data.unit_summary(here.snapshot, here.selection, _UNIT)
    st.html(_STYLE)
    with st.container(key="first_screen"):
        st.markdown(words.spend(here, spent, budget) + return_summary.sentence(here))
        with st.container(key="tiles"):
            show_tiles(here, spent, budget, unit)
        show_layers(here)
        changed, unknown = st.columns(2)
        with changed.container(border=True, height="stretch", gap="xsmall"):
            show_changes(here)
        with unknown.container(border=True, height="stretch", gap="xsmall"):
            show_gaps(here, unit)


def _budget(here: Page) -> dict[str, Any] | None:
    """Return the budget of the scope, which is held against amortised cost only."""
    rows = data.budgets(here.snapshot, here.selection).to_pylist()
    return rows[0] if rows and here.selection.basis == "Amortised" else None


def show_tiles(
    here: Page,
    spent: data.Spend,
    budget: dict[str, Any] | None,
    unit: data.UnitSummary,
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


def _tile_spend(here: Page, spent: data.Spend, budget: dict[str, Any] | None) -> None:
    basis = here.selection.basis.lower()
    st.metric(
        here.total_label(f"AI cost, {basis}"),
        fmt.money(spent.amount, here.currency),
        delta=None
        if spent.change is None
        else f"{fmt.signed_percent(spent.change_ratio)} against {here.prior_period}",
        delta_color="off",
        delta_arrow="off",
    )
    st.caption(_against_budget(here, budget) + _landing(here))
    here.show_origin(
        page.Origin(
            formula="Sum of the cost of every component except tax and credits: what"
            " budgets are held against.",
            mart=_COSTS,
            row_count=spent.row_count,
            figures=(
                here.scoped_figure(
                    "AI cost",
                    f"{_COSTS}/{_COLUMNS[here.selection.basis]}",
                    component=_SPEND_COMPONENTS,
                ),
            )
            if spent.row_count
            else (),
        )
    )


def _against_budget(here: Page, budget: dict[str, Any] | None) -> str:
    if here.selection.basis == "Billed":
        return "Budgets are held against amortised cost."
    if budget is None:
        return f"No budget for {here.period} in this scope."
    mark = budget_charts.STATE_MARKS[budget["state"]]
    if budget["variance_ratio"] is None:
        return f"Budget: {mark}."
    return f"{mark}; budget {fmt.money(budget['budget'], here.currency)}."


def _landing(here: Page) -> str:
    """Write where the running month will end, if the period is that month."""
    for row in data.landings(here.snapshot, here.selection).to_pylist():
        if row["landing"] == "month" and row["period"] == here.selection.period.label:
            ends = fmt.estimate(row["expected"], here.currency)
            bounds = fmt.interval(row["low"], row["high"], here.currency)
            return f" Will end at {ends} ({bounds})."
    return ""


def _tile_unit_cost(here: Page, unit: data.UnitSummary) -> None:
    st.metric(
        here.total_label("Per 1,000 inferences"),
        fmt.unit_cost(unit.unit_cost, here.currency),
        delta=None
        if unit.change_ratio is None
        else f"{fmt.signed_percent(unit.change_ratio)} against {here.prior_period}",
        delta_color="off",
        delta_arrow="off",
    )
    st.caption(
        "No requests are metered in this period."
        if unit.unit_cost is None
        else f"{fmt.count(unit.quantity)} requests; covers"
        f" {fmt.percent(unit.metered_cost_ratio)} of model cost"
    )
    here.show_origin(
        page.Origin(
            formula="Fully loaded effective cost of metered models ÷ requests × 1,000;"
            " always amortised.",
            mart="cost.mart_model_unit_costs",
            row_count=unit.model_count,
        )
    )


def _tile_lead_time(here: Page) -> None:
    month, before = _months(here)
    kind = data.SCOPE_KINDS.get(here.selection.scope_kind)
    if kind is None:
        change = data.delivery_change(
            here.snapshot, _shipping_kind(here), month, before
        )
        count, noun = change.unit_count, change.kind
        st.metric(
            here.tile_label(f"Lead time by {noun}"),
            words.lead_time_range(change),
        )
        st.caption(
            f"Medians (p50) of {fmt.plural(count, noun)}, from commit to production,"
            f" {fmt.month(month)}"
        )
    else:
        count = _show_lead_time_of(here, kind, month)
    here.show_origin(
        page.Origin(
            formula=velocity.METRICS["change_lead_time"][1]
            + " Medians of several have no common one.",
            mart=_VELOCITY,
            row_count=count,
        )
    )


def _show_lead_time_of(here: Page, kind: str, month: str) -> int:
    """Draw the median of one model or team; return how many changes it is of."""
    scope = data.VelocityScope(kind, here.selection.scope_id, (month,))
    shown = data.VelocityPeriod("month", month)
    figure = data.velocity_figures(here.snapshot, scope, shown).get("change_lead_time")
    label = here.tile_label("Lead time")
    if figure is None or figure.value is None:
        st.metric(label, fmt.UNKNOWN)
        st.caption(velocity.absence(figure))
        return 0
    st.metric(label, velocity.value(figure, figure.value))
    st.caption(velocity.evidence(figure))
    return figure.n_used


def _shipping_kind(here: Page) -> str:
    """Return whose figures are counted: teams, or models where no team has any."""
    kinds = {kind for kind, _ in data.velocity_units(here.snapshot)}
    return "model" if "team" not in kinds and "model" in kinds else "team"


def _months(here: Page) -> tuple[str, str]:
    """Return the last month of the period, and the one before it."""
    last = max(here.selection.period.months)
    year, month = int(last[:4]), int(last[5:])
    before = (year - 1, 12) if month == 1 else (year, month - 1)
    return last, f"{before[0]:04d}-{before[1]:02d}"


def show_layers(here: Page) -> None:
    """Draw a column for each layer: a sentence, a spark line, and the way on."""
    cost, delivery, value = st.columns(3)
    with cost.container(border=True, height="stretch", gap="xsmall"):
        page.link_to("cost_by_model", label="**Cost** · models, units, idle")
        models = data.model_costs(here.snapshot, here.selection, "Fully loaded")
        st.markdown(words.largest_models(here, models.to_pylist()))
        spark = sparks.spend(
            data.spend_months(here.snapshot, here.selection),
            here.currency,
            charts.palette(),
        )
        charts.show(spark, description="AI cost by month, up to the period.")
    with delivery.container(border=True, height="stretch", gap="xsmall"):
        _show_delivery(here)
    with value.container(border=True, height="stretch", gap="xsmall"):
        return_summary.column(here)


def _show_delivery(here: Page) -> None:
    page.link_to("velocity", label="**Delivery** · lead time, failures")
    month, before = _months(here)
    scoped = data.SCOPE_KINDS.get(here.selection.scope_kind)
    kind = scoped or _shipping_kind(here)
    change = data.delivery_change(here.snapshot, _shipping_kind(here), month, before)
    st.markdown(words.delivery(change, month, before))
    of = here.selection.scope_id if scoped else ""
    rows = data.lead_time_months(here.snapshot, kind, of, month)
    if rows:
        charts.show(
            sparks.lead_times(rows, charts.palette()),
            description=f"Median change lead time by month, a line for each {kind}.",
        )


def show_changes(here: Page) -> None:
    """Say which three things moved the cost of the last month."""
    month = max(here.selection.period.months)
    months = data.bridge_months(here.snapshot, here.selection)
    page.link_to("budget", label="**What changed**")
    if not months:
        st.markdown(f"No month before {fmt.month(month)} has cost to compare it with.")
        return
    against = months[0]
    steps = data.bridge_steps(here.snapshot, here.selection, against).to_pylist()
    said = words.drivers(here, steps, _largest_lines(here, against))
    for each in said:
        st.markdown(f"- {each}")
    st.caption(f"{fmt.month(month)} against {fmt.month(against)}, exact to the cent.")


def _largest_lines(here: Page, against: str) -> dict[str, tuple[str, Decimal]]:
    """Return the model that did most of each bar, and how much."""
    found: dict[str, tuple[str, Decimal]] = {}
    for bar in data.BRIDGE_BARS:
        lines = data.bridge_lines(here.snapshot, here.selection, against, bar)
        first = lines.slice(0, 1).to_pylist()[0] if lines.num_rows else None
        if first is not None and first["model"] != _NO_MODEL:
            found[bar] = (first["model"], first["chosen_amount"])
    return found


def show_gaps(here: Page, unit: data.UnitSummary) -> None:
    """Say what the figures cannot tell, what matters most to a signature first."""
    st.markdown("**What we cannot say**")
    found = words.gaps(
        here,
        invoices=data.invoice_totals(here.snapshot, here.selection).to_pylist(),
        headline=data.headline(here.snapshot, here.selection, "Fully loaded"),
        summary=unit,
    )
    found[_SHOWN_GAPS - 1 : _SHOWN_GAPS - 1] = return_summary.gaps(here)
    if not found:
        st.markdown("Nothing is known to be missing: bills tie, and have owners.")
        return
    for gap in found[:_SHOWN_GAPS]:
        page.link_to(gap.view, label=gap.text)
    more = len(found) - _SHOWN_GAPS
    if more > 0:
        st.caption(f"and {fmt.plural(more, 'thing')} more, on *Data health*")


main()
