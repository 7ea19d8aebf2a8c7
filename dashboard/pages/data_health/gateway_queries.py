"""What gateways account for of the vendors' bills, by month, vendor and day.

Two gateways in front of one vendor compare with the same bill. In a total each vendor's
bill counts once, beside the gateway that saw most of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.shared.published import one, per_run, ratio, table

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Rows of one currency, with what is compared, and the place of each gateway.
_RANKED = """
    select
        *,
        billed_cost - tax_and_credit_cost as compared_cost,
        row_number() over (
            partition by billing_month, provider
            order by gateway_spend_amount desc nulls last, gateway
        ) as place
    from cost.mart_gateway_gaps
    where currency = $currency
"""


@dataclass(frozen=True, slots=True)
class GatewayHeadline:
    """The figures of a period on top of the page."""

    compared_cost: Decimal | None
    gateway_spend: Decimal | None
    gap: Decimal | None
    gap_ratio: float | None
    tax_and_credits: Decimal | None
    vendor_count: int
    gateway_count: int
    mapped_token_ratio: float | None
    token_ratio: float | None
    row_count: int


@per_run
def gateway_headline(snapshot: Snapshot, selection: Selection) -> GatewayHeadline:
    """Return what a period's bills are and how much of them gateways account for."""
    figures = one(
        snapshot,
        f"""
        with ranked as ({_RANKED}),

        chosen as (
            select *
            from ranked
            where list_contains($months, billing_month)
        )

        select
            sum(compared_cost) filter (place = 1) as compared_cost,
            sum(gateway_spend_amount) filter (place = 1 and billed_cost is not null)
                as gateway_spend,
            sum(gap_amount) filter (place = 1) as gap,
            {
            ratio(
                "sum(gap_amount) filter (place = 1)",
                "sum(compared_cost) filter (place = 1)",
            )
        } as gap_ratio,
            sum(tax_and_credit_cost) filter (place = 1) as tax_and_credits,
            count(distinct provider) filter (billed_cost is not null) as vendor_count,
            count(distinct gateway) as gateway_count,
            sum(mapped_token_ratio * cast(gateway_tokens as double))
                / nullif(sum(cast(gateway_tokens as double)), 0) as mapped_token_ratio,
            {
            ratio(
                "sum(gateway_tokens) filter"
                " (place = 1 and provider_tokens is not null)",
                "sum(provider_tokens) filter"
                " (place = 1 and gateway_tokens is not null)",
            )
        } as token_ratio,
            count(*) as row_count
        from chosen
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )
    return GatewayHeadline(**figures)


@per_run
def gateway_months(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return every month's bill beside the gateways' estimate, oldest first."""
    return table(
        snapshot,
        f"""
        with ranked as ({_RANKED})

        select
            billing_month,
            sum(compared_cost) as compared_cost,
            sum(gateway_spend_amount) filter (billed_cost is not null)
                as gateway_spend,
            sum(gap_amount) as gap,
            {ratio("sum(gap_amount)", "sum(compared_cost)")} as gap_ratio,
            sum(gateway_spend_amount) filter (billed_cost is null) as unbilled_spend,
            list_contains($months, billing_month) as is_chosen,
            count(*) as row_count
        from ranked
        where place = 1
        group by billing_month
        order by billing_month
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )


@per_run
def gateway_vendors(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return a period by vendor and gateway, the largest bill first."""
    return table(
        snapshot,
        f"""
        with ranked as ({_RANKED})

        select
            provider,
            gateway,
            sum(billed_cost) as billed_cost,
            sum(tax_and_credit_cost) as tax_and_credit_cost,
            sum(compared_cost) as compared_cost,
            sum(gateway_spend_amount) as gateway_spend,
            sum(gap_amount) as gap,
            {ratio("sum(gap_amount)", "sum(compared_cost)")} as gap_ratio,
            {ratio("sum(gateway_spend_amount)", "sum(compared_cost)")}
                as gateway_ratio,
            sum(day_coverage_ratio * billed_day_count)
                / nullif(sum(billed_day_count), 0) as day_coverage_ratio,
            sum(gateway_requests) as gateway_requests,
            sum(gateway_tokens) as gateway_tokens,
            sum(provider_tokens) as provider_tokens,
            {
            ratio(
                "sum(gateway_tokens) filter (provider_tokens is not null)",
                "sum(provider_tokens) filter (gateway_tokens is not null)",
            )
        } as token_ratio,
            sum(mapped_token_ratio * cast(gateway_tokens as double))
                / nullif(sum(cast(gateway_tokens as double)), 0) as mapped_token_ratio,
            row_number() over (
                partition by provider
                order by sum(gateway_spend_amount) desc nulls last, gateway
            ) as place,
            case
                when sum(billed_cost) is null then 'no bill yet'
                when sum(gateway_spend_amount) is null then 'nothing counted'
            end as reason,
            count(*) as row_count
        from ranked
        where list_contains($months, billing_month)
        group by provider, gateway
        order by compared_cost desc nulls last, provider, gateway
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )


@per_run
def gateway_days(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the days of a period by vendor and gateway, the largest gap first."""
    return table(
        snapshot,
        """
        select
            charge_date,
            provider,
            gateway,
            billed_cost - tax_and_credit_cost as compared_cost,
            gateway_spend_amount as gateway_spend,
            gap_amount as gap,
            gateway_requests,
            gateway_tokens,
            provider_tokens
        from cost.fct_daily_gateway_costs
        where
            currency = $currency
            and list_contains($months, billing_month)
            and gap_amount is not null
        order by abs(gap_amount) desc, charge_date, provider, gateway
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )
