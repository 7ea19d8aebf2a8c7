"""Cost of models, and the way to it from the bills."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Final, Literal

import pyarrow as pa

from dashboard.shared.format import OTHER_MODELS
from dashboard.shared.measured import measured, measured_row, relation, whole
from dashboard.shared.names import named_sql
from dashboard.shared.published import per_run, table
from dashboard.shared.selection_queries import (
    Selection,
    has_prior,
)
from triptych.core.warehouse.figures import ANY

if TYPE_CHECKING:
    from triptych.core.measures.query import Value
    from triptych.core.warehouse.reader import Snapshot


Loading = Literal["Direct", "+ shared", "Fully loaded"]
#: The parts of a model's cost that each way of loading counts.
COMPONENTS: dict[Loading, tuple[str, ...]] = {
    "Direct": ("direct",),
    "+ shared": ("direct", "shared"),
    "Fully loaded": ("direct", "shared", "idle", "unused_commitment", "overhead"),
}
#: Series of the trend that have their own colour.
TOP_MODELS = 8
TREND_MONTHS = 12
_LAST_POSITION = 99

_STAGES: Final = pa.schema(
    [
        ("lifecycle_stage", pa.string()),
        ("amount", pa.decimal128(38, 10)),
        ("share_ratio", pa.float64()),
        ("prior_amount", pa.decimal128(38, 10)),
        ("model_count", pa.int64()),
        ("row_count", pa.int64()),
    ]
)
_RECENT = ("billing_month in (select billing_month from months)",)
NAMES = f"names as {named_sql('model')}"


@dataclass(frozen=True, slots=True)
class Headline:
    """The figures on the tiles of *Cost by model*."""

    model_cost: Decimal
    prior_cost: Decimal | None
    change: Decimal | None
    change_ratio: float | None
    idle_shown: Decimal | None
    idle_row_count: int
    unallocated: Decimal | None
    unallocated_ratio: float | None
    unallocated_row_count: int
    model_count: int
    row_count: int


@per_run
def headline(snapshot: Snapshot, selection: Selection, loading: Loading) -> Headline:
    """Return the tiles: cost of models, its change, idle beside it, unallocated."""
    models = measured_row(
        snapshot,
        selection,
        {"cost": "model_cost", "models": "charged_models"},
        of_models(loading),
    )
    beside = measured_row(
        snapshot,
        selection,
        {
            "ai_cost": "ai_cost",
            "idle": "unowned_idle_cost",
            "unallocated": "unallocated_cost",
            "unallocated_ratio": "unallocated_cost_ratio",
        },
    )
    unallocated = beside["unallocated"]
    if selection.covers_everything and beside["ai_cost"] is not None:
        # All charges of the period are loaded, and none of them is unallocated.
        unallocated = unallocated or Decimal(0)
    return Headline(
        model_cost=models["cost"] or Decimal(0),
        prior_cost=models["cost_prior"],
        change=models["cost_change"],
        change_ratio=models["cost_change_ratio"],
        idle_shown=beside["idle"],
        idle_row_count=beside["idle_rows"],
        unallocated=unallocated,
        unallocated_ratio=beside["unallocated_ratio"],
        unallocated_row_count=beside["unallocated_rows"],
        model_count=models["models"],
        row_count=models["cost_rows"],
    )


@per_run
def monthly_costs(
    snapshot: Snapshot, selection: Selection, loading: Loading
) -> pa.Table:
    """Return month × series for the trend: the largest models, the others.

    The largest are those of the chosen period. ``month_total`` adds up the models;
    ``idle_shown`` is beside it and belongs to no model. Where ``is_partial``, something
    is known to be missing from the month.
    """
    months = relation(
        selection,
        {"idle": "unowned_idle_cost", "all": "effective_cost"},
        by=("billing_month",),
        labels=("is_estimated",),
        months="all",
        conditions=("billing_month <= $until",),
    )
    by_series = relation(
        selection,
        {"amount": "model_cost"},
        by=("billing_month", "series_order", "series"),
        where=of_models(loading),
        months="all",
        conditions=_RECENT,
        within=("billing_month",),
        source="costs",
    )
    return table(
        snapshot,
        f"""
        with months as (
            select * from {months} order by billing_month desc limit {TREND_MONTHS}
        ),
        {_costs_in_series(selection, loading)}
        select
            billing_month,
            series_order,
            series,
            amount,
            amount_rows as row_count,
            amount_total as month_total,
            coalesce(months.idle, 0) as idle_shown,
            months.is_estimated,
            lacking.billing_month is not null and coalesce(
                case when lacking.currency = $currency then missing
                    >= (select materiality_ratio from core.mart_run) * abs(month_total)
                end,
                true
            ) as is_partial
        from {by_series} as series
        inner join months using (billing_month)
        left join {_lacking(selection)} as lacking using (billing_month)
        order by billing_month, series_order
        """,
        currency=selection.currency,
        until=max(selection.period.months),
    )


def _lacking(selection: Selection) -> str:
    """Return the largest gap of each month; unknown in another currency."""
    return relation(
        whole(selection),
        {"missing": "missing_amount"},
        by=("billing_month", "currency"),
        where={"is_complete": False},
        months="all",
    )


def _costs_in_series(selection: Selection, loading: Loading) -> str:
    """Return the CTE ``costs``: rows with the series of their model, largest first."""
    costs, by, where = {"cost": "model_cost"}, ("model_id",), of_models(loading)
    recent = relation(
        selection, costs, by=by, where=where, months="all", conditions=_RECENT
    )
    now = relation(selection, costs, by=by, where=where, months="chosen")
    return f"""
        {NAMES},
        ranked as (
            select model_id, row_number() over (
                order by now.cost desc nulls last, recent.cost desc, model_id
            ) as position
            from {recent} as recent left join {now} as now using (model_id)
        ),
        costs as (
            select
                costs.*,
                least(position, {TOP_MODELS + 1}) as series_order,
                case when position <= {TOP_MODELS}
                    then coalesce(names.model, model_id) else '{OTHER_MODELS}'
                end as series
            from cost.fct_daily_model_costs as costs
            inner join ranked using (model_id)
            left join names using (model_id)
        )
    """


@per_run
def model_costs(snapshot: Snapshot, selection: Selection, loading: Loading) -> pa.Table:
    """Return a row per model: rank, cost, share, change since last period.

    A model that had cost only in the period before stays, with a cost of zero, so
    that the changes add up to the change of the total.
    """
    models = relation(
        selection,
        {"cost": "model_cost"},
        by=("model_id",),
        where=of_models(loading),
        is_zero_without_rows=True,
    )
    owned = relation(
        selection,
        {"cost": "model_cost"},
        by=("model_id", "team_id", "charge_date"),
        where=of_models(loading) | {"team_id": ANY},
        months="chosen",
    )
    return table(
        snapshot,
        f"""
        with {NAMES},
        owners as (
            select model_id, team_id from {owned} qualify row_number() over (
                partition by model_id order by charge_date desc, team_id
            ) = 1
        )
        select
            row_number() over (
                order by cost desc, cost_rows = 0, model_id
            ) as rank,
            model_id,
            coalesce(names.model, model_id) as model,
            coalesce(teams.team, owners.team_id) as team,
            cost as amount,
            cost_share as share_ratio,
            case when cost_prior_rows > 0 then cost_prior end as prior_amount,
            case when $has_prior then cost_change end as change,
            cost_change_ratio as change_ratio,
            100 * share_ratio as share_percent,
            100 * change_ratio as change_percent,
            case
                when not $has_prior then null
                when cost_rows = 0 then 'no cost now'
                when cost_prior_rows = 0 then 'new'
            end as note,
            cost_rows as row_count
        from {models}
        left join names using (model_id)
        left join owners using (model_id)
        left join {named_sql("team")} as teams using (team_id)
        order by rank
        """,
        has_prior=has_prior(snapshot, selection),
    )


@per_run
def waterfall(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the way from the bills to the fully loaded cost of models.

    ``amount`` is the step as the bill has it, ``charged`` the part that models carry
    and ``left_out`` the part that they do not. ``bar`` is the length in the chart: the
    bills first, then the parts left out, and in the last row the remainder, which
    equals the fully loaded cost of models. The scope does not narrow it.
    """
    steps = relation(
        whole(selection),
        {
            "amount": "step_cost",
            "charged": "charged_step_cost",
            "left_out": "left_out_step_cost",
            "row_count": "charged_step_rows",
        },
        by=("step",),
        labels=("step_order",),
        months="chosen",
    )
    bars = table(
        snapshot,
        f"""
        with steps as (
            select
                *,
                case when step in ('direct', 'shared') then step_order + 10
                    else step_order end as position,
                step = 'ledger' as is_total
            from {steps}
        )
        select step, amount, charged, left_out,
            case when is_total then amount else left_out end as bar,
            is_total, cast(row_count as bigint) as row_count, position
        from steps
        union all
        select 'models', charged, charged, 0, charged, true, 0, {_LAST_POSITION}
        from steps where is_total
        order by position
        """,
    )
    return _with_levels(bars.drop_columns(["position"]))


def _with_levels(bars: pa.Table) -> pa.Table:
    """Return bars with where each starts and ends: those between totals go down."""
    level, starts, ends = Decimal(0), [], []
    for bar, is_total in zip(
        bars["bar"].to_pylist(), bars["is_total"].to_pylist(), strict=True
    ):
        starts.append(Decimal(0) if is_total else level)
        level = bar if is_total else level - bar
        ends.append(level)
    money = bars.schema.field("bar").type
    with_starts = bars.append_column("starts_at", pa.array(starts, money))
    return with_starts.append_column("ends_at", pa.array(ends, money))


@per_run
def lifecycle_costs(
    snapshot: Snapshot, selection: Selection, loading: Loading
) -> pa.Table:
    """Return the cost of models by lifecycle stage."""
    stages = measured(
        snapshot,
        selection,
        {"amount": "model_cost", "model_count": "charged_models"},
        by=("lifecycle_stage",),
        where=of_models(loading),
        largest="amount",
    )
    return pa.Table.from_pylist(
        [
            {
                "lifecycle_stage": row["lifecycle_stage"] or "unknown",
                "amount": row["amount"],
                "share_ratio": row["amount_share"],
                "prior_amount": row["amount_prior"],
                "model_count": row["model_count"],
                "row_count": row["amount_rows"],
            }
            for row in stages.to_pylist()
            if row["amount_rows"]
        ],
        _STAGES,
    )


@per_run
def unallocated_causes(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return cost that no rule placed, largest first, with a rule that would."""
    causes = relation(
        whole(selection),
        {"amount": "unallocated_service_cost", "charges": "unallocated_line_items"},
        by=("service_name", "resource_type", "provider", "source"),
        labels=("suggested_rule",),
        months="chosen",
        within=(),
    )
    return table(
        snapshot,
        f"""
        select
            coalesce(service_name, 'no service named') as service_name,
            resource_type,
            provider,
            source,
            amount,
            amount_share as share_ratio,
            cast(charges as bigint) as row_count,
            suggested_rule
        from {causes}
        order by amount desc, service_name, resource_type, source
        """,
    )


def of_models(loading: Loading) -> dict[str, Value]:
    """Return which costs are of models, as far as a way of loading counts them."""
    return {"component": COMPONENTS[loading]}
