"""Vendors' bills that gateways account for, by month, vendor and day.

Two gateways in front of a vendor compare with the same bill. In a total each vendor's
bill counts once, with the gateway that estimates most of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dashboard.shared.measured import measured_row, relation, whole
from dashboard.shared.published import per_run, table

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

_SIDES: Final = {
    "compared_cost": "gateway_compared_cost",
    "gateway_spend": "billed_gateway_estimate",
    "gap": "gateway_gap",
    "gap_ratio": "gateway_gap_ratio",
}
_ONCE: Final = {"is_largest": True}


@dataclass(frozen=True, slots=True)
class GatewayHeadline:
    """The figures of a period on top of the page."""

    compared_cost: Decimal | None
    gateway_spend: Decimal | None
    gap: Decimal | None
    gap_ratio: float | None
    tax_and_credits: Decimal | None
    token_ratio: float | None
    vendor_count: int
    gateway_count: int
    mapped_token_ratio: float | None
    row_count: int


@per_run
def gateway_headline(snapshot: Snapshot, selection: Selection) -> GatewayHeadline:
    """Return a period's bills and the part that gateways account for."""
    once = _SIDES | {
        "tax_and_credits": "gateway_tax_and_credits",
        "token_ratio": "gateway_token_ratio",
    }
    each = {
        "vendor_count": "gateway_vendors",
        "gateway_count": "gateways",
        "mapped_token_ratio": "mapped_token_ratio",
    }
    everything = whole(selection)
    figures: dict[str, Any] = measured_row(
        snapshot, everything, once, _ONCE, "chosen"
    ) | measured_row(snapshot, everything, each, months="chosen", counted=True)
    return GatewayHeadline(**figures)


@per_run
def gateway_months(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return every month's bill and the gateways' estimate, oldest first."""
    months = relation(
        whole(selection),
        _SIDES | {"unbilled_spend": "unbilled_gateway_estimate"},
        by=("billing_month",),
        where=_ONCE,
        months="all",
        counted=True,
    )
    return table(
        snapshot,
        f"select *, list_contains($months, billing_month) as is_chosen from {months}"
        " order by billing_month",
        months=list(selection.period.months),
    )


@per_run
def gateway_vendors(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return a period by vendor and gateway, the largest bill first."""
    vendors = relation(
        whole(selection),
        _SIDES
        | {
            "gateway_spend": "gateway_estimate",
            "day_coverage_ratio": "gateway_day_coverage",
            "gateway_tokens": "gateway_tokens",
            "provider_tokens": "vendor_tokens",
            "token_ratio": "gateway_token_ratio",
            "mapped_token_ratio": "mapped_token_ratio",
        },
        by=("provider", "gateway"),
        months="chosen",
        counted=True,
    )
    return table(
        snapshot,
        f"""
        select
            *,
            row_number() over (
                partition by provider order by gateway_spend desc nulls last, gateway
            ) as place,
            case
                when compared_cost is null then 'no bill yet'
                when gateway_spend is null then 'nothing counted'
            end as reason
        from {vendors}
        order by compared_cost desc nulls last, provider, gateway
        """,
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
            compared_cost,
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
