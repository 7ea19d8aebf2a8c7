"""What the page *Summary* adds up by itself: AI spend, and delivery team by team."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dashboard.data.costs import TREND_MONTHS
from dashboard.data.published import one, per_run, ratio, rows, table
from dashboard.data.selection import AMOUNTS, SCOPES, Selection, scope_parameters

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from triptych.warehouse.reader import Snapshot

#: What budgets are held against: all that is AI spend, before tax and credits.
_IS_SPEND = "component not in ('tax', 'credit')"
_FASTER, _SLOWER = "< 0", "> 0"


@dataclass(frozen=True, slots=True)
class Spend:
    """AI spend of a period and of the one before; ``None`` where that is not known."""

    amount: Decimal
    prior: Decimal | None
    change: Decimal | None
    change_ratio: float | None
    row_count: int


@dataclass(frozen=True, slots=True)
class DeliveryChange:
    """How many teams ship faster or slower than in the month before, and fail more.

    Or models, where no team has a figure: ``kind`` says which. ``lead_low`` and
    ``lead_high`` are the least and the greatest of their median lead times, in hours:
    medians of several have no median of their own.
    """

    kind: str
    unit_count: int
    compared_count: int
    faster_count: int
    slower_count: int
    failing_more_count: int
    failing_compared_count: int
    lead_low: float | None
    lead_high: float | None


@per_run
def ai_spend(snapshot: Snapshot, selection: Selection) -> Spend:
    """Return AI spend on the chosen basis: what budgets are held against."""
    row = one(
        snapshot,
        f"""
        with sums as (
            select
                coalesce(sum({AMOUNTS[selection.basis]}) filter (is_now), 0) as amount,
                sum({AMOUNTS[selection.basis]}) filter (is_before) as prior,
                count(*) filter (is_now) as row_count
            from (
                select *,
                    list_contains($months, billing_month) as is_now,
                    list_contains($prior_months, billing_month) as is_before
                from cost.fct_daily_model_costs
                where currency = $currency and {SCOPES[selection.scope_kind]}
                    and {_IS_SPEND}
            )
        )
        select *, amount - prior as change,
            {ratio("(amount - prior)", "abs(prior)")} as change_ratio
        from sums
        """,
        **scope_parameters(selection),
    )
    return Spend(**row)


@per_run
def spend_months(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return AI spend by month up to the period, at most a year of it."""
    parameters = scope_parameters(selection) | {"until": max(selection.period.months)}
    parameters.pop("months")
    parameters.pop("prior_months")
    return table(
        snapshot,
        f"""
        select * from (
            select billing_month as month, sum({AMOUNTS[selection.basis]}) as amount
            from cost.fct_daily_model_costs
            where currency = $currency and {SCOPES[selection.scope_kind]}
                and {_IS_SPEND} and billing_month <= $until
            group by billing_month order by billing_month desc limit {TREND_MONTHS}
        ) order by month
        """,
        **parameters,
    )


@per_run
def delivery_change(
    snapshot: Snapshot, kind: str, month: str, before: str
) -> DeliveryChange:
    """Return how many ship faster, and how many fail more, than a month before.

    One counts where both months have a figure, which takes five events each.
    """
    return DeliveryChange(
        **one(
            snapshot,
            f"""
            with units as (
                select
                    scope_id,
                    {_figure("change_lead_time", "$month")} as lead_time,
                    {_figure("change_lead_time", "$before")} as lead_time_before,
                    {_figure("change_fail_ratio", "$month")} as fail_ratio,
                    {_figure("change_fail_ratio", "$before")} as fail_ratio_before
                from delivery.mart_velocity
                where scope_kind = $kind and month in ($month, $before)
                group by scope_id
            ),
            changes as (
                select *, lead_time - lead_time_before as slower,
                    fail_ratio - fail_ratio_before as failing_more
                from units
            )
            select
                $kind as kind,
                count(lead_time) as unit_count,
                count(slower) as compared_count,
                count(*) filter (slower {_FASTER}) as faster_count,
                count(*) filter (slower {_SLOWER}) as slower_count,
                count(*) filter (failing_more {_SLOWER}) as failing_more_count,
                count(failing_more) as failing_compared_count,
                min(lead_time) / 3600 as lead_low,
                max(lead_time) / 3600 as lead_high
            from changes
            """,
            kind=kind,
            month=month,
            before=before,
        )
    )


def _figure(metric: str, month: str) -> str:
    return f"max(metric_value) filter (metric = '{metric}' and month = {month})"


@per_run
def lead_time_months(
    snapshot: Snapshot, scope_kind: str, scope_id: str, until: str
) -> list[dict[str, Any]]:
    """Return median lead times [h] by month and team, or of one scope only."""
    return rows(
        snapshot,
        """
        select month, scope_id as series, metric_value / 3600 as hours
        from delivery.mart_velocity
        where metric = 'change_lead_time' and month <= $until
            and scope_kind = $kind and ($id = '' or scope_id = $id)
            and metric_value is not null
        order by scope_id, month
        """,
        until=until,
        kind=scope_kind,
        id=scope_id,
    )


__all__ = [
    "DeliveryChange",
    "Spend",
    "ai_spend",
    "delivery_change",
    "lead_time_months",
    "spend_months",
]
