"""Sums computed for the page *Summary*: AI spend, and delivery by team."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from dashboard.pages.cost_by_model.queries import TREND_MONTHS
from dashboard.shared import names
from dashboard.shared.measured import measured, measured_row, relation
from dashboard.shared.published import one, per_run, rows, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: An estimated charge has a price, and is billed when the invoice of its issuer comes.
_IS_AWAITED = """source IN (
    SELECT unnest(string_split(source, ', ')) FROM cost.mart_accruals
)"""


@dataclass(frozen=True, slots=True)
class Spend:
    """AI spend of a period and of the period before; ``None`` if unknown."""

    amount: Decimal
    prior: Decimal | None
    change: Decimal | None
    change_ratio: float | None
    row_count: int
    #: Usage that is on no invoice yet, on the billed basis; else nothing.
    not_invoiced: Decimal = Decimal(0)
    #: The rest of the bills, with tax and credits; unknown for a scope.
    not_ai: Decimal | None = None
    #: Cost of accelerators that nothing used; None where no meter knows it.
    idle: Decimal | None = None


@dataclass(frozen=True, slots=True)
class DeliveryChange:
    """Counts of teams that ship faster, ship slower or fail more.

    Or models, if no team has a figure: ``kind`` names the unit. ``lead_low`` and
    ``lead_high`` are the least and the greatest of their median lead times, in hours:
    medians of several units have no common median.
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
    """Return AI spend on the chosen basis, as compared with budgets."""
    row = measured_row(snapshot, selection, {"cost": "ai_cost"})
    outside = awaited = idle = None
    if selection.basis == "Amortised":
        idle = measured_row(snapshot, selection, {"cost": "pool_part_idle_cost"})[
            "cost"
        ]
    if selection.covers_everything:
        outside = measured_row(snapshot, selection, {"cost": "out_of_scope_cost"})[
            "cost"
        ]
    if selection.basis == "Billed":
        awaited = measured_row(
            snapshot, selection, {"cost": "awaited_cost"}, conditions=(_IS_AWAITED,)
        )["cost"]
    return Spend(
        row["cost"] or Decimal(0),
        row["cost_prior"],
        row["cost_change"],
        row["cost_change_ratio"],
        row["cost_rows"],
        not_invoiced=awaited or Decimal(0),
        not_ai=outside,
        idle=idle,
    )


@per_run
def spend_months(
    snapshot: Snapshot, selection: Selection, limit: int = TREND_MONTHS
) -> pa.Table:
    """Return AI spend of the last months up to the period, with its budget.

    A month has its own budget; on the billed basis none, for budgets are amortised.
    """
    costs = relation(
        selection,
        {"amount": "ai_cost"},
        by=("billing_month",),
        months="all",
        conditions=("billing_month <= $until",),
        order="billing_month DESC",
        limit=limit,
    )
    budgets = relation(
        selection,
        {"budget": "budget_amount"},
        by=("billing_month", "scope_id"),
        where={"scope_type": "all"} if selection.covers_everything else None,
        months="all",
    )
    is_budgeted = selection.basis == "Amortised"
    return table(
        snapshot,
        f"""
        select billing_month as month, amount, case when $is_budgeted then budget end
            as budget
        from {costs} left join {budgets} using (billing_month)
        order by month
        """,
        until=max(selection.period.months),
        is_budgeted=is_budgeted,
    )


@per_run
def largest_team(snapshot: Snapshot, selection: Selection) -> dict[str, Any] | None:
    """Return the team with the highest AI cost of a period; None without teams."""
    found = measured(
        snapshot,
        selection,
        {"amount": "ai_cost"},
        by=("team_id",),
        months="chosen",
        largest="amount",
        within=(),
    ).to_pylist()
    teams = [row for row in found if row["team_id"] is not None]
    name = names.name_of(snapshot, "team", teams[0]["team_id"]) if teams else ""
    return {**teams[0], "team": name} if teams else None


@per_run
def delivery_change(
    snapshot: Snapshot, kind: str, month: str, before: str
) -> DeliveryChange:
    """Return how many ship faster, and how many fail more, than a month before.

    Beyond chance: the 90 % intervals of the two months lie apart.

    A unit counts if both months have a figure, which takes five events each.
    """
    row = one(
        snapshot,
        """
        with units as (
            select now.metric, now.metric_value as figure,
                now.metric_value is not null and before.metric_value is not null
                    as is_compared,
                is_compared and now.interval_high < before.interval_low as is_less,
                is_compared and now.interval_low > before.interval_high as is_more
            from delivery.mart_velocity as now
            left join delivery.mart_velocity as before
                on now.scope_kind = before.scope_kind and now.scope_id = before.scope_id
                and now.metric = before.metric and before.month = $before
            where now.scope_kind = $kind and now.month = $month
        ),
        lead as (select * from units where metric = 'change_lead_time'),
        fails as (select * from units where metric = 'change_fail_ratio')
        select
            (select count(figure) from lead) as unit_count,
            (select count(*) from lead where is_compared) as compared_count,
            (select count(*) from lead where is_less) as faster_count,
            (select count(*) from lead where is_more) as slower_count,
            (select count(*) from fails where is_more) as failing_more_count,
            (select count(*) from fails where is_compared) as failing_compared_count,
            (select min(figure) / 3600 from lead) as lead_low,
            (select max(figure) / 3600 from lead) as lead_high
        """,
        kind=kind,
        month=month,
        before=before,
    )
    return DeliveryChange(kind, **row)


@per_run
def lead_time_months(
    snapshot: Snapshot, scope_kind: str, scope_id: str, until: str
) -> list[dict[str, Any]]:
    """Return median lead times [h] by month and team, or of a single scope."""
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
