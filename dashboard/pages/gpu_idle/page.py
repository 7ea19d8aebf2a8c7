"""GPU & idle: cost of accelerators, their idle part, its owners and hours."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast, get_args

import streamlit as st

from dashboard.pages.gpu_idle import charts as accelerator_charts
from dashboard.pages.gpu_idle import node_queries, nodes, queries, saving_queries
from dashboard.pages.gpu_idle import sentences as accelerator_sentences
from dashboard.pages.gpu_idle.charts import PART_NAMES, IdleKind
from dashboard.pages.gpu_idle.tiles import COMMITMENTS, COSTS, column_of, show_tiles
from dashboard.shared import charts, filters, names, tables, tabs
from dashboard.shared import format as fmt
from dashboard.shared import frame as page
from dashboard.shared.context import Origin
from dashboard.shared.published import has_mart

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page

_WEEK = "delivery.mart_accelerator_hours_of_week"
_KINDS: tuple[IdleKind, ...] = get_args(IdleKind)


def main() -> None:
    """Draw the page."""
    view = page.current(__file__)
    months = queries.accelerator_months(view.snapshot, view.selection)
    hours = queries.accelerator_hours(view.snapshot, view.selection)
    unused = queries.commitment_headline(view.snapshot, view.selection)
    if months.num_rows == 0 and not hours.row_count and not unused.row_count:
        show_nothing(view)
        if node_queries.node_headline(view.snapshot, view.selection).row_count:
            nodes.show(view)
        return
    headline = queries.accelerator_headline(view.snapshot, view.selection)
    show_tiles(view, headline, hours, unused)
    if not view.selection.covers_everything:
        st.caption(
            "Money covers the chosen owner. Hours, nodes and commitments cover all"
            " owners."
        )
    if not headline.row_count and not hours.row_count:
        st.info(
            f"**No GPU was metered in {view.period}.** Set `driver: gpu_hours` for a"
            " pool in `allocation.yml`, and connect a meter of GPU hours."
        )
    if headline.row_count and hours.capacity is None:
        st.warning(
            "**No reading of a capacity.** Idle and used hours cannot be separated."
            " Connect a meter such as OpenCost or Prometheus with DCGM, or"
            " deliver `accelerator_usage` with `capacity_gpu_hours`."
        )
    tabs.show(
        "gpu",
        {
            "Savings": lambda: show_savings(view),
            "Pools": lambda: show_pools(view, headline),
            "Owners": lambda: show_owners(view),
            "By month": lambda: show_months(view, months),
            "By hour": lambda: show_week(view),
            "Nodes": lambda: nodes.show(view),
            "Commitments": lambda: show_commitments(view),
        },
    )


def show_nothing(view: Page) -> None:
    """Show the data needed to fill the page."""
    st.info(
        "**No pool is divided by GPU hours.** Declare one in `allocation.yml` with"
        " `driver: gpu_hours`, and connect a meter of GPU hours."
        f" No bill in {view.currency} has a commitment."
    )


def show_pools(view: Page, headline: queries.AcceleratorHeadline) -> None:
    """Draw the uses of the money of each pool."""
    st.header("Pools", anchor=False)
    table = queries.accelerator_pools(view.snapshot, view.selection)
    rows = table.to_pylist()
    if not rows:
        st.markdown(f"No GPU pool has cost in this scope in {view.period}.")
        return
    others = queries.idle_of_other_pools(view.snapshot, view.selection)
    st.markdown(accelerator_sentences.pools(view, rows, others))
    charts.show(
        accelerator_charts.pools(table, view.currency, charts.palette()),
        description="A stacked bar for each pool: used, requested and idle,"
        " infrastructure idle, and what is not known.",
    )
    tables.show(
        table,
        [
            tables.Column("pool_id", "Pool"),
            tables.Column("team_id", "Owner"),
            tables.Column("total", "Cost", "amount"),
            tables.Column("used", "Used", "amount"),
            tables.Column("requested_idle", "Requested, idle", "amount"),
            tables.Column(
                "infrastructure_idle", "Infra. idle", "amount", "capacity_reason"
            ),
            *_columns_of_gaps(headline),
            tables.Column("capacity_gpu_hours", "Available", "hours"),
            tables.Column("allocated_gpu_hours", "Held", "hours"),
            tables.Column("active_gpu_hours", "Active", "hours"),
        ],
        page=view,
        name="gpu-pools",
        caption=f"{view.period}, {view.currency}, {view.selection.basis.lower()}",
        origin=Origin(
            formula=f"Sums of {column_of(view)} by pool. Requested, idle: what models"
            " held unused, inside their cost. Infra. idle: capacity without a holder."
            " Hours come from the meter, money from the bill.",
            mart=COSTS,
            row_count=sum(row["row_count"] for row in rows),
        ),
    )
    reasons = [row for row in rows if row["reason"] and row["unobserved"]]
    for row in reasons:
        st.caption(f"{fmt.markdown(row['pool_id'])}, not observed: {row['reason']}")
    _show_prices(view)


def _show_prices(view: Page) -> None:
    """Draw the price of a GPU hour by way of purchase."""
    if not has_mart(view.snapshot, "delivery.mart_accelerator_prices"):
        return  # The run is older than the mart.
    prices = queries.gpu_hour_prices(view.snapshot, view.selection)
    tables.show(
        prices,
        [
            tables.Column("billing_month", "Month", "month"),
            tables.Column("pool_id", "Pool"),
            tables.Column("accelerator_type", "GPU"),
            tables.Column("purchase_kind", "Bought"),
            tables.Column(
                "cost_per_gpu_hour", "Price of an hour", "unit_cost", "reason"
            ),
            tables.Column("priced_gpu_hours", "Available", "hours"),
            tables.Column("effective_cost", "Cost", "amount"),
        ],
        page=view,
        name="gpu-hour-prices",
        caption=f"Price of a GPU hour, {view.currency}, amortised",
        origin=Origin(
            formula="Cost of the days whose capacity was read, by the GPU hours that"
            " were there. Usual is on demand and under commitments.",
            mart="delivery.mart_accelerator_prices",
            row_count=prices.num_rows,
        ),
    )


def _columns_of_gaps(headline: queries.AcceleratorHeadline) -> list[tables.Column]:
    known = {
        "unmeasured": ("Not measured", headline.unmeasured),
        "unmapped": ("No known model", headline.unmapped),
        "unobserved": ("Not observed", headline.unobserved),
    }
    return [
        tables.Column(name, label, "amount")
        for name, (label, amount) in known.items()
        if amount
    ]


def show_months(view: Page, months: pa.Table) -> None:
    """Draw the uses of the money of all pools, by month."""
    st.header("By month", anchor=False)
    rows = months.to_pylist()
    if not rows:
        st.markdown("No month has GPU cost in this scope.")
        return
    st.markdown(accelerator_sentences.months(view, rows))
    charts.show(
        accelerator_charts.months(months, view.currency, charts.palette()),
        description="Stacked bars by month: used, idle and not known."
        " The same figures are in the table below.",
    )
    tables.show(
        months,
        [
            tables.Column("billing_month", "Month", "month"),
            tables.Column("total", "Cost", "amount"),
            *(
                tables.Column(part, label, "amount")
                for part, label in PART_NAMES.items()
                if any(row[part] for row in rows)
            ),
            tables.Column("idle_ratio", "Idle, of measured cost", "percent"),
        ],
        page=view,
        name="gpu-months",
        caption=f"{view.currency}, {view.selection.basis.lower()}, all pools of GPUs",
        origin=Origin(
            formula=f"Sums of {column_of(view)} by billing month; the parts add up to"
            " the cost, to the last digit.",
            mart=COSTS,
            row_count=sum(row["row_count"] for row in rows),
        ),
    )


def show_owners(view: Page) -> None:
    """Draw the owners of the idle money."""
    st.header("Owners of idle cost", anchor=False)
    table = queries.idle_owners(view.snapshot, view.selection)
    rows = table.to_pylist()
    if not rows:
        st.markdown(f"No owner in this scope has idle GPU cost in {view.period}.")
        return
    first = rows[0]
    team = names.name_of(view.snapshot, "team", first["team"])
    model = names.name_of(view.snapshot, "model", first["holder"])
    text = (
        f"The largest part is **{fmt.money(first['idle'], view.currency)}** of"
        f" {fmt.markdown(team)}, for {fmt.markdown(model)} in"
        f" {fmt.markdown(first['pool_id'])}."
    )
    if any(row["is_unowned"] for row in rows):
        text += " Name missing owners as `team` in `allocation.yml` or `catalog.yml`."
    st.markdown(text)
    tables.show(
        table,
        [
            tables.Column("team", "Team", ids_of="team"),
            tables.Column("cost_center", "Cost centre"),
            tables.Column("pool_id", "Pool"),
            tables.Column("holder", "For", ids_of="model"),
            tables.Column("requested_idle", "Requested, idle", "money"),
            tables.Column("infrastructure_idle", "Infrastructure idle", "money"),
            tables.Column("idle", "Idle", "money"),
            tables.Column("share_ratio", "Share", "percent"),
        ],
        page=view,
        name="gpu-idle-by-owner",
        caption=f"{view.period}, {view.selection.basis.lower()}",
        origin=Origin(
            formula="Requested idle belongs to the team of the model that requested,"
            " infrastructure idle to the team that the pool names. Naming a team moves"
            " no cost.",
            mart=COSTS,
            row_count=sum(row["row_count"] for row in rows),
        ),
    )


def show_week(view: Page) -> None:
    """Draw when the GPUs of a pool idle."""
    st.header("When it idles", anchor=False)
    pools = queries.pools_of_the_week(view.snapshot, view.selection)
    if not pools:
        st.markdown(f"No meter read hourly use in {view.period}.")
        return
    with st.container(horizontal=True, gap="medium"):
        pool = filters.choice("Pool", "pool", pools, width=220)
        kind = cast(
            "IdleKind", filters.segments("GPUs", "idle", _KINDS, default=_KINDS[0])
        )
    table = queries.hours_of_week(view.snapshot, view.selection, pool)
    st.markdown(accelerator_sentences.week(view, pool, kind, table.to_pylist()))
    charts.show(
        accelerator_charts.week(table, kind, charts.palette()),
        description="Weekday by hour of the day in UTC, darker where more GPUs idle;"
        " grey where nothing was read.",
        of=f"{view.period} \u00b7 pool {pool} \u00b7 {kind.lower()}",
    )
    st.caption("Average of the metered hours, in UTC. Grey: not metered.")
    tables.show(
        table,
        [
            tables.Column("day", "Day"),
            tables.Column("hour_of_day", "Hour, UTC", "count"),
            tables.Column("capacity_gpu_hours", "Available", "hours"),
            tables.Column("requested_gpu_hours", "Requested", "hours"),
            tables.Column("active_gpu_hours", "Used", "hours"),
            tables.Column("requested_idle_gpus", "GPUs requested, idle", "gpus"),
            tables.Column("infrastructure_idle_gpus", "GPUs without a holder", "gpus"),
        ],
        page=view,
        name="gpu-hours-of-week",
        caption=f"{pool}, {view.period}, by weekday and hour in UTC",
        origin=Origin(
            formula="Idle GPU hours ÷ hours that were read. Requested and idle only"
            " counts hours in which the use of all that was requested was measured.",
            mart=_WEEK,
        ),
    )


def show_commitments(view: Page) -> None:
    """Draw commitments as bought, used and left unused."""
    st.header("Commitments", anchor=False)
    table = queries.commitments(view.snapshot, view.selection)
    rows = table.to_pylist()
    if not rows:
        st.markdown(
            f"No bill of {view.period} names a commitment. Google's committed use comes"
            " as credits, which name none."
        )
        return
    st.markdown(accelerator_sentences.commitments(view, rows))
    tables.show(
        table,
        [
            tables.Column("commitment", "Commitment"),
            tables.Column("kind", "Kind"),
            tables.Column("provider", "Seller"),
            tables.Column("committed", "Committed", "money"),
            tables.Column("used", "Used", "money"),
            tables.Column("unused", "Unused", "money"),
            tables.Column("utilisation_ratio", "Used ÷ committed", "coverage"),
            tables.Column("purchased", "Billed", "money"),
            tables.Column("purchased_to_date", "Billed so far", "money"),
            tables.Column("committed_to_date", "Amortised so far", "money"),
            tables.Column("drawn_ratio", "Amortised ÷ billed", "coverage"),
        ],
        page=view,
        name="commitments",
        caption=f"{view.period}, amortised; a commitment counts as a whole",
        origin=Origin(
            formula="Committed = used + unused effective cost of the period: of a"
            " prepayment only what was drawn, so that used is all of it. Over a whole"
            " term what is amortised equals what is billed; until then amortised ÷"
            " billed says how much of it has been drawn.",
            mart=COMMITMENTS,
            row_count=sum(row["row_count"] for row in rows),
        ),
    )


def show_savings(view: Page) -> None:
    """Draw possible savings with their assumptions."""
    st.header("Saving candidates", anchor=False)
    table = saving_queries.saving_candidates(view.snapshot, view.selection)
    if table.num_rows == 0:
        st.markdown("No pool has a full month of readings and cost.")
        return
    st.markdown(
        "Left idle in the last full month, amortised. **Not yet savings**: each rests"
        " on its assumption, and fewer nodes may leave more of a commitment unused."
    )
    tables.show(
        table,
        [
            tables.Column("candidate", "Candidate", "prose"),
            tables.Column("team", "Owner", ids_of="team"),
            tables.Column("billing_month", "Full month", "month"),
            tables.Column("amount", "Left idle", "money"),
            tables.Column("assumption", "Only if", "prose"),
        ],
        page=view,
        name="saving-candidates",
        caption="Largest first; always amortised",
        origin=Origin(
            formula="Infrastructure idle by pool and requested idle by model, in the"
            " pool's newest month in which every day has money and a capacity. Unused"
            " commitment in the newest month before the last.",
            mart=COSTS,
            row_count=sum(table["row_count"].to_pylist()),
        ),
    )


main()
