"""What the page *Summary* adds up by itself: AI spend, and delivery team by team."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dashboard.pages.cost_by_model.queries import TREND_MONTHS
from dashboard.shared.published import one, per_run, ratio, rows, table
from dashboard.shared.selection_queries import (
    AMOUNTS,
    SCOPES,
    Basis,
    Selection,
    scope_parameters,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

#: An estimated charge has a price, and is billed when the invoice of its issuer comes.
_AWAITED: dict[Basis, str] = {
    "Billed": """case
        when is_estimated and source in (
            select unnest(string_split(source, ', ')) from cost.mart_accruals
        ) then effective_cost - billed_cost end""",
    "Amortised": "cast(null as decimal(28, 10))",
}
#: Whose budget is drawn: that of the scope itself.
_BUDGETED = {
    "everything": "scope_type = 'all'",
    "model": "scope_type = 'model' and scope_id = $scope",
    "team": "scope_type = 'team' and scope_id = $scope",
    "cost centre": "scope_type = 'cost_center' and scope_id = $scope",
}
#: A change is one only where the 90 % intervals of both months lie apart.
_IS_COMPARED = "{0} is not null and {0}_before is not null"
_LESS = f"{{0}}_high < {{0}}_low_before and {_IS_COMPARED}"
_MORE = f"{{0}}_low > {{0}}_high_before and {_IS_COMPARED}"


@dataclass(frozen=True, slots=True)
class Spend:
    """AI spend of a period and of the one before; ``None`` where that is not known."""

    amount: Decimal
    prior: Decimal | None
    change: Decimal | None
    change_ratio: float | None
    row_count: int
    #: On the billed basis what was used and is on no invoice yet; else nothing.
    not_invoiced: Decimal = Decimal(0)
    #: What else is on the bills, with tax and credits; of a scope it is not known.
    not_ai: Decimal | None = None


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
                coalesce(sum(awaited) filter (is_now), 0) as not_invoiced,
                count(*) filter (is_now) as row_count
            from (
                select *, {_AWAITED[selection.basis]} as awaited,
                    list_contains($months, billing_month) as is_now,
                    list_contains($prior_months, billing_month) as is_before
                from cost.fct_daily_model_costs
                where currency = $currency and {SCOPES[selection.scope_kind]}
                    and is_ai_cost
            )
        )
        select *, amount - prior as change,
            {ratio("(amount - prior)", "abs(prior)")} as change_ratio,
            (
                select sum({AMOUNTS[selection.basis]}) from cost.mart_cost_waterfall
                where step = 'out_of_scope' and currency = $currency
                    and list_contains($months, billing_month)
                    and {"true" if selection.covers_everything else "false"}
            ) as not_ai
        from sums
        """,
        **scope_parameters(selection),
    )
    return Spend(**row)


@per_run
def spend_months(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return AI spend by month up to the period, at most a year, with its budget.

    A month has its own budget; on the billed basis none, for budgets are amortised.
    """
    parameters = scope_parameters(selection) | {
        "until": max(selection.period.months),
        "is_budgeted": selection.basis == "Amortised",
    }
    parameters.pop("months")
    parameters.pop("prior_months")
    return table(
        snapshot,
        f"""
        select month, amount, budget_amount as budget from (
            select billing_month as month, sum({AMOUNTS[selection.basis]}) as amount
            from cost.fct_daily_model_costs
            where currency = $currency and {SCOPES[selection.scope_kind]}
                and is_ai_cost and billing_month <= $until
            group by billing_month order by billing_month desc limit {TREND_MONTHS}
        )
        left join (
            select billing_month as month, budget_amount
            from cost.mart_budget_variance
            where currency = $currency and $is_budgeted
                and {_BUDGETED[selection.scope_kind]}
        ) using (month)
        order by month
        """,
        **parameters,
    )


@per_run
def delivery_change(
    snapshot: Snapshot, kind: str, month: str, before: str
) -> DeliveryChange:
    """Return how many ship faster, and how many fail more, than a month before.

    Beyond chance: the 90 % intervals of the two months lie apart.

    One counts where both months have a figure, which takes five events each.
    """
    return DeliveryChange(
        **one(
            snapshot,
            f"""
            with units as (
                select
                    scope_id,
                    {_figures("change_lead_time", "lead_time")},
                    {_figures("change_fail_ratio", "fail_ratio")}
                from delivery.mart_velocity
                where scope_kind = $kind and month in ($month, $before)
                group by scope_id
            )
            select
                $kind as kind,
                count(lead_time) as unit_count,
                count(lead_time - lead_time_before) as compared_count,
                count(*) filter ({_LESS.format("lead_time")}) as faster_count,
                count(*) filter ({_MORE.format("lead_time")}) as slower_count,
                count(*) filter ({_MORE.format("fail_ratio")}) as failing_more_count,
                count(fail_ratio - fail_ratio_before) as failing_compared_count,
                min(lead_time) / 3600 as lead_low,
                max(lead_time) / 3600 as lead_high
            from units
            """,
            kind=kind,
            month=month,
            before=before,
        )
    )


def _figures(metric: str, name: str) -> str:
    """Return a metric and its interval, of the month and of the one before."""
    columns = (
        ("metric_value", ""),
        ("interval_low", "_low"),
        ("interval_high", "_high"),
    )
    return ", ".join(
        f"max({column}) filter (metric = '{metric}' and month = {month})"
        f" as {name}{suffix}{when}"
        for month, when in (("$month", ""), ("$before", "_before"))
        for column, suffix in columns
    )


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
