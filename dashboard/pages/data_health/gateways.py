"""Tab of *Data health*: how much of the bills the gateways account for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import streamlit as st

from dashboard.pages.data_health import gateway_charts
from dashboard.pages.data_health import gateway_queries as queries
from dashboard.shared import charts, explaining, tables
from dashboard.shared import format as fmt
from dashboard.shared.context import ORGANISATION, Origin, Stated

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.context import Page

_GAPS = "cost.mart_gateway_gaps"


def show(view: Page) -> None:
    """Draw bills against gateways, by month, vendor and day."""
    months = queries.gateway_months(view.snapshot, view.selection)
    if months.num_rows == 0:
        show_nothing(view)
        return
    headline = queries.gateway_headline(view.snapshot, view.selection)
    vendors = queries.gateway_vendors(view.snapshot, view.selection)
    if view.selection.basis == "Amortised" or not view.selection.covers_everything:
        st.caption(
            "Bills as they are billed, of the whole organisation: a gateway knows"
            " neither amortisation nor who pays."
        )
    show_tiles(view, headline, vendors)
    show_months(view, months)
    show_vendors(view, vendors)
    show_days(view)


def show_nothing(view: Page) -> None:
    """Describe the data that would fill the page."""
    st.markdown(
        "**No gateway has been read.** Connect LiteLLM or Langfuse as a source, and"
        " this page compares what they count with what the vendors bill."
        f" Nothing is known in {view.currency}."
    )


def show_tiles(
    view: Page, headline: queries.GatewayHeadline, vendors: pa.Table
) -> None:
    """Draw the four figures on top."""
    rows = vendors.to_pylist()
    columns = st.columns(4)
    with columns[0].container(border=True, height="stretch", gap="xsmall"):
        _tile_bill(view, headline, rows)
    with columns[1].container(border=True, height="stretch", gap="xsmall"):
        _tile_estimate(view, headline, rows)
    with columns[2].container(border=True, height="stretch", gap="xsmall"):
        _tile_gap(view, headline, rows)
    with columns[3].container(border=True, height="stretch", gap="xsmall"):
        _tile_mapped(view, headline)


def _tile_bill(
    view: Page, headline: queries.GatewayHeadline, vendors: list[dict[str, Any]]
) -> None:
    st.metric(
        view.total_label("Billed by the vendors", headline.compared_cost),
        fmt.money(headline.compared_cost, view.currency),
    )
    extra = fmt.money(headline.tax_and_credits, view.currency)
    billing = fmt.plural(headline.vendor_count, "vendor")
    without = (
        f"; without {extra} of tax and credits" if headline.tax_and_credits else ""
    )
    st.caption(f"{billing} behind gateways, {view.period}{without}")
    _explain(
        view,
        headline,
        "Sum of billed_cost less tax_and_credit_cost, each vendor once. Of a cloud's"
        " bill, what goes into the pools that a gateway's readings name.",
        _gap_figures(
            view,
            vendors,
            {"Billed": "billed_cost", "Tax and credits": "tax_and_credit_cost"},
        ),
    )


def _tile_estimate(
    view: Page, headline: queries.GatewayHeadline, vendors: list[dict[str, Any]]
) -> None:
    st.metric(
        view.tile_label("Estimated by gateways"),
        fmt.money(headline.gateway_spend, view.currency),
    )
    st.caption(
        f"by the price tables of {fmt.plural(headline.gateway_count, 'gateway')};"
        " in no cost of any model"
    )
    _explain(
        view,
        headline,
        "Sum of gateway_spend_amount where there is a bill; for each vendor and month,"
        " of the gateway that saw most.",
        _gap_figures(view, vendors, {"Estimated": "gateway_spend_amount"}),
    )


def _tile_gap(
    view: Page, headline: queries.GatewayHeadline, vendors: list[dict[str, Any]]
) -> None:
    st.metric(
        view.total_label("Gap", headline.gap),
        fmt.money(headline.gap, view.currency),
        delta=None
        if headline.gap_ratio is None
        else f"{fmt.percent(headline.gap_ratio)} of the bills",
        delta_color="off",
        delta_arrow="off",
    )
    billed = [row for row in vendors if row["gap"] is not None and row["place"] == 1]
    if billed:
        largest = max(billed, key=lambda row: abs(row["gap"]))
        st.caption(
            f"widest for {fmt.markdown(largest['provider'])}:"
            f" {fmt.money(largest['gap'], view.currency)} not seen by"
            f" {fmt.markdown(largest['gateway'])}"
        )
    _explain(
        view,
        headline,
        "Bills without tax and credits − the gateways' estimate. Negative: the gateways"
        " estimate more than is billed.",
        _gap_figures(view, vendors, {"Gap": "gap_amount"}),
    )


def _gap_figures(
    view: Page, vendors: list[dict[str, Any]], names: dict[str, str]
) -> tuple[Stated, ...]:
    """Return amounts of each vendor that has a bill, by the gateway that saw most."""
    return tuple(
        view.figure(
            f"{label}, {row['provider']}",
            f"{_GAPS}/{column}",
            provider=row["provider"],
            gateway=row["gateway"],
        )
        for row in vendors
        if row["place"] == 1 and row["compared_cost"] is not None
        for label, column in names.items()
    )


def _tile_mapped(view: Page, headline: queries.GatewayHeadline) -> None:
    st.metric(
        view.tile_label("Tokens with a model"),
        fmt.coverage(headline.mapped_token_ratio),
    )
    if headline.token_ratio is None:
        st.caption("of what gateways count; no vendor's own count to compare with")
    else:
        st.caption(
            "of what gateways count, which is"
            f" {fmt.percent(headline.token_ratio)} of what the vendors count"
        )
    _explain(
        view,
        headline,
        "Tokens that a source's mapping gives to a model ÷ all tokens that gateways"
        " count. The part of the rest stays unallocated.",
    )


def _explain(
    view: Page,
    headline: queries.GatewayHeadline,
    formula: str,
    figures: tuple[Stated, ...] = (),
) -> None:
    """Explain the composition of a tile."""
    origin = Origin(
        formula=formula, mart=_GAPS, row_count=headline.row_count, figures=figures
    )
    explaining.show(view, origin)


def show_months(view: Page, months: pa.Table) -> None:
    """Draw the bills beside the estimate by month."""
    st.header("Bill and gateways by month", anchor=False)
    st.markdown(_months_sentence(view, months.to_pylist()))
    charts.show(
        gateway_charts.months(months, view.currency, charts.palette()),
        description="Two bars a month: the vendors' bills and the gateways' estimate."
        " The same figures are in the table below.",
        of=view.drawn(basis="billed", scope=ORGANISATION),
    )
    st.caption(gateway_charts.above_months(months.num_rows))
    tables.show(
        months,
        [
            tables.Column("billing_month", "Month", "month"),
            tables.Column("compared_cost", "Bill", "money"),
            tables.Column("gateway_spend", "Gateways' estimate", "money"),
            tables.Column("gap", "Gap", "money"),
            tables.Column("gap_ratio", "Gap, of the bill", "percent"),
            tables.Column("unbilled_spend", "Estimated without a bill", "money"),
        ],
        page=view,
        name="gateway-gaps-by-month",
        is_folded=True,
        caption="Bills without tax and credits, each vendor once",
        origin=Origin(
            formula="Sums by month over vendors; of several gateways the one that saw"
            " most of a vendor.",
            mart=_GAPS,
            row_count=sum(months["row_count"].to_pylist()),
        ),
    )


def _months_sentence(view: Page, months: list[dict[str, Any]]) -> str:
    chosen = [row for row in months if row["is_chosen"] and row["gap"] is not None]
    if not chosen:
        return f"No vendor of a gateway has a bill in {view.period}."
    worst = max(months, key=lambda row: abs(row["gap_ratio"] or 0))
    share = fmt.percent(worst["gap_ratio"])
    return (
        "The bill is the amount and the gateway is the key: an estimate never"
        f" enters a cost. The widest gap is **{share}**"
        f" in {fmt.month(worst['billing_month'])},"
        f" {fmt.money(worst['gap'], view.currency)}."
    )


def show_vendors(view: Page, vendors: pa.Table) -> None:
    """Draw the period by vendor and gateway, with coverage."""
    st.header("Vendors and gateways", anchor=False)
    rows = vendors.to_pylist()
    if not rows:
        st.markdown(f"In {view.period} no gateway counted anything.")
        return
    st.markdown(_vendors_sentence(rows))
    if any(row["compared_cost"] is not None for row in rows):
        charts.show(
            gateway_charts.vendors(vendors, view.currency, charts.palette()),
            description="A wide bar for the bill of each vendor, and inside it a thin"
            " one for the gateway's estimate.",
            of=view.drawn(basis="billed", scope=ORGANISATION),
        )
    tables.show(
        vendors,
        [
            tables.Column("provider", "Vendor"),
            tables.Column("gateway", "Gateway"),
            tables.Column("compared_cost", "Bill", "money", "reason"),
            tables.Column("gateway_spend", "Estimate", "money", "reason"),
            tables.Column("gap", "Gap", "money"),
            tables.Column("gap_ratio", "Of the bill", "percent"),
            tables.Column("day_coverage_ratio", "Days counted", "coverage"),
            tables.Column("gateway_tokens", "Tokens, gateway", "count"),
            tables.Column("provider_tokens", "Tokens, vendor", "count"),
            tables.Column("mapped_token_ratio", "With a model", "coverage"),
        ],
        page=view,
        name="gateway-gaps-by-vendor",
        is_folded=True,
        caption=f"{view.period}; gateways in front of one vendor share its bill",
        origin=Origin(
            formula="Days counted: billed days on which the gateway counted anything ÷"
            " billed days. With a model: mapped tokens ÷ the gateway's tokens.",
            mart=_GAPS,
            row_count=sum(row["row_count"] for row in rows),
        ),
    )


def _vendors_sentence(rows: list[dict[str, Any]]) -> str:
    silent = [row for row in rows if row["reason"] == "nothing counted"]
    unbilled = [row for row in rows if row["reason"] == "no bill yet"]
    over = [row for row in rows if row["gap"] is not None and row["gap"] < 0]
    parts = []
    if over:
        parts.append(
            f"{_names(over)} {'is' if len(over) == 1 else 'are'} estimated above the"
            " bill: look at the gateway's price table."
        )
    if silent:
        parts.append(f"Nothing was counted of {_names(silent)}, though it is billed.")
    if unbilled:
        parts.append(f"No bill has been read for {_names(unbilled)}.")
    return " ".join(parts) or (
        "A gap is traffic past the gateway, tokens it does not see, or another price."
    )


def _names(rows: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"**{fmt.markdown(row['provider'])}** by {fmt.markdown(row['gateway'])}"
        for row in rows
    )


def show_days(view: Page) -> None:
    """Draw the days with the largest gaps."""
    st.header("Days with the largest gaps", anchor=False)
    days = queries.gateway_days(view.snapshot, view.selection)
    if days.num_rows == 0:
        st.markdown(f"In {view.period} no day has a bill to compare with.")
        return
    st.markdown(
        "A day without an estimate is traffic that did not pass the gateway, or that"
        " the gateway lost."
    )
    tables.show(
        days,
        [
            tables.Column("charge_date", "Day", "day"),
            tables.Column("provider", "Vendor"),
            tables.Column("gateway", "Gateway"),
            tables.Column("compared_cost", "Bill", "money"),
            tables.Column("gateway_spend", "Estimate", "money"),
            tables.Column("gap", "Gap", "money"),
            tables.Column("gateway_requests", "Requests", "count"),
        ],
        page=view,
        name="gateway-gaps-by-day",
        is_folded=True,
        caption=f"{view.period}, by day, vendor and gateway",
        origin=Origin(
            formula="billed_cost less tax, credits and gateway_spend_amount of a day.",
            mart="cost.fct_daily_gateway_costs",
        ),
    )
