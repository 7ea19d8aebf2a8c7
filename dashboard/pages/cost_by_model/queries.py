"""What models cost, and how the bills lead there."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal

import pyarrow as pa

from dashboard.shared.format import OTHER_MODELS
from dashboard.shared.measured import measured, measured_row
from dashboard.shared.names import named_sql
from dashboard.shared.published import per_run, ratio, table
from dashboard.shared.selection_queries import (
    AMOUNTS,
    SCOPES,
    Selection,
    has_prior,
    scope_parameters,
)
from triptych.core.warehouse.figures import ANY

if TYPE_CHECKING:
    from triptych.core.warehouse.reader import Snapshot


Loading = Literal["Direct", "+ shared", "Fully loaded"]
#: The parts of a model's cost that each way of loading counts.
COMPONENTS: dict[Loading, tuple[str, ...]] = {
    "Direct": ("direct",),
    "+ shared": ("direct", "shared"),
    "Fully loaded": ("direct", "shared", "idle", "unused_commitment", "overhead"),
}
#: Series of the trend that have a colour of their own.
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
NAMES = f"names as {named_sql('model')}"
#: What each month lacks at most, as `MonthGap` has it of a period.
_GAPS = """
    gaps as (
        select
            billing_month,
            case when bool_and(missing_amount is not null and currency = $currency)
                then sum(missing_amount) end as missing,
            (select materiality_ratio from core.mart_run) as materiality_ratio
        from core.mart_month_completeness
        where not is_complete
        group by billing_month
    )
"""


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
    of_models = measured_row(
        snapshot,
        selection,
        {"cost": "model_cost", "models": "charged_models"},
        {"component": COMPONENTS[loading], "model_id": ANY},
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
        model_cost=of_models["cost"] or Decimal(0),
        prior_cost=of_models["cost_prior"],
        change=of_models["cost_change"],
        change_ratio=of_models["cost_change_ratio"],
        idle_shown=beside["idle"],
        idle_row_count=beside["idle_rows"],
        unallocated=unallocated,
        unallocated_ratio=beside["unallocated_ratio"],
        unallocated_row_count=beside["unallocated_rows"],
        model_count=of_models["models"],
        row_count=of_models["cost_rows"],
    )


#: Models by their size in the chosen period, idle money, and what is estimated.
_TREND_PARTS = """
ranked as (
    select
        model_id,
        row_number() over (
            order by sum(amount) filter (is_now) desc nulls last,
                sum(amount) desc, model_id
        ) as position
    from recent where is_loaded group by model_id
),
idle as (
    select billing_month, sum(amount) as idle_shown
    from recent where is_idle_shown group by billing_month
),
estimated as (
    select billing_month, bool_or(is_estimated) as is_estimated
    from recent group by billing_month
)
"""
#: Each step of the waterfall with what of it models carry; pools stand after it.
_SPLIT_STEPS = """
split as (
    select
        case when step in ('direct', 'shared') then step_order + 10
            else step_order end as position,
        step,
        amount,
        case when step = 'ledger'
            then (select coalesce(sum(charged), 0) from carried)
            else coalesce(charged, 0)
        end as charged,
        case when step = 'ledger' then 0 else coalesce(row_count, 0) end
            as row_count
    from steps left join carried using (step)
)
"""


@per_run
def monthly_costs(
    snapshot: Snapshot, selection: Selection, loading: Loading
) -> pa.Table:
    """Return month × series for the trend: the largest models, the other ones.

    The largest are those of the chosen period. ``month_total`` adds up the models;
    ``idle_shown`` stands beside it and belongs to no model. Where ``is_partial``,
    something is known to be missing from the month.
    """
    return table(
        snapshot,
        f"""
        with {costs_of(selection, "billing_month <= $until")}, {NAMES}, {_GAPS},
        recent as (
            select * from costs
            where billing_month in (
                select distinct billing_month from costs
                order by billing_month desc limit {TREND_MONTHS}
            )
        ),
        {_TREND_PARTS},
        series as (
            select
                billing_month,
                least(position, {TOP_MODELS + 1}) as series_order,
                case when position <= {TOP_MODELS}
                    then coalesce(names.model, model_id) else '{OTHER_MODELS}'
                end as series,
                sum(amount) as amount,
                count(*) as row_count
            from recent
            inner join ranked using (model_id)
            left join names using (model_id)
            where is_loaded
            group by all
        )
        select
            series.*,
            sum(amount) over (partition by billing_month) as month_total,
            coalesce(idle.idle_shown, 0) as idle_shown,
            estimated.is_estimated,
            gaps.billing_month is not null and coalesce(
                gaps.missing >= gaps.materiality_ratio
                    * abs(sum(amount) over (partition by billing_month)),
                true
            ) as is_partial
        from series
        left join gaps using (billing_month)
        left join idle using (billing_month)
        left join estimated using (billing_month)
        order by billing_month, series_order
        """,
        **parameters_of(selection, loading),
        until=max(selection.period.months),
    )


@per_run
def model_costs(snapshot: Snapshot, selection: Selection, loading: Loading) -> pa.Table:
    """Return one row per model: rank, cost, share, change against the period before.

    A model that had cost only in the period before stays, with a cost of zero, so
    that the changes add up to the change of the total.
    """
    return table(
        snapshot,
        f"""
        with {costs_of(selection)}, {NAMES},
        models as (
            select
                model_id,
                arg_max(team_id, charge_date) filter (is_now) as team_id,
                coalesce(sum(amount) filter (is_now), 0) as amount,
                sum(amount) filter (is_before) as prior_amount,
                count(*) filter (is_now) as row_count
            from costs
            where is_loaded and (is_now or is_before)
            group by model_id
        )
        select
            row_number() over (order by amount desc, row_count = 0, model_id) as rank,
            model_id,
            coalesce(names.model, model_id) as model,
            coalesce(teams.team, models.team_id) as team,
            amount,
            {ratio("amount", "sum(amount) over ()")} as share_ratio,
            prior_amount,
            case when $has_prior
                then amount - coalesce(prior_amount, 0) end as change,
            {ratio("amount - prior_amount", "abs(prior_amount)")} as change_ratio,
            100 * share_ratio as share_percent,
            100 * change_ratio as change_percent,
            case
                when not $has_prior then null
                when row_count = 0 then 'no cost now'
                when prior_amount is null then 'new'
            end as note,
            row_count
        from models
        left join names using (model_id)
        left join {named_sql("team")} as teams using (team_id)
        order by rank
        """,
        **parameters_of(selection, loading),
        has_prior=has_prior(snapshot, selection),
    )


@per_run
def waterfall(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the way from the bills to the fully loaded cost of models.

    ``amount`` is the step as the bill has it, ``charged`` what of it models carry and
    ``left_out`` what they do not. ``bar`` is the length in the chart: the bills first,
    then what is left out, and in the last row what remains, which equals the fully
    loaded cost of models. The scope does not narrow it.
    """
    amount = AMOUNTS[selection.basis]
    return table(
        snapshot,
        f"""
        with steps as (
            select step, min(step_order) as step_order, sum({amount}) as amount
            from cost.mart_cost_waterfall
            where currency = $currency and list_contains($months, billing_month)
            group by step
        ),
        carried as (
            select component as step, sum({amount}) as charged, count(*) as row_count
            from cost.fct_daily_model_costs
            where currency = $currency and list_contains($months, billing_month)
                and model_id is not null and list_contains($components, component)
            group by component
        ),
        {_SPLIT_STEPS},
        bars as (
            select
                *,
                amount - charged as left_out,
                case when step = 'ledger' then amount else amount - charged end as bar,
                step = 'ledger' as is_total
            from split
            union all
            select {_LAST_POSITION}, 'models', charged, charged, 0, 0, charged, true
            from split where step = 'ledger'
        ),
        running as (
            select *, sum(case step when 'ledger' then bar when 'models' then 0
                else -bar end) over (order by position) as level
            from bars
        )
        select
            step, amount, charged, left_out, bar, is_total,
            case when is_total then 0 else level + bar end as starts_at,
            case when is_total then bar else level end as ends_at,
            cast(row_count as bigint) as row_count
        from running
        order by position
        """,
        months=list(selection.period.months),
        currency=selection.currency,
        components=list(COMPONENTS["Fully loaded"]),
    )


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
        where={"component": COMPONENTS[loading], "model_id": ANY},
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
    """Return what no rule placed, largest first, with the rule that would."""
    amount = AMOUNTS[selection.basis]
    return table(
        snapshot,
        f"""
        select
            coalesce(service_name, 'no service named') as service_name,
            resource_type,
            provider,
            source,
            sum({amount}) as amount,
            {ratio(f"sum({amount})", f"sum(sum({amount})) over ()")} as share_ratio,
            sum(row_count)::bigint as row_count,
            any_value(suggested_rule) as suggested_rule
        from cost.mart_unallocated_causes
        where currency = $currency and list_contains($months, billing_month)
        group by all
        order by amount desc, service_name, resource_type, source
        """,
        currency=selection.currency,
        months=list(selection.period.months),
    )


def costs_of(selection: Selection, also: str = "true") -> str:
    """Return the CTE ``costs``: rows of the scope, with what each counts towards."""
    return f"""
        costs as (
            select
                *,
                {AMOUNTS[selection.basis]} as amount,
                list_contains($months, billing_month) as is_now,
                list_contains($prior_months, billing_month) as is_before,
                model_id is not null and list_contains($components, component)
                    as is_loaded,
                component = 'idle' and model_id is null as is_idle_shown
            from cost.fct_daily_model_costs
            where currency = $currency and {SCOPES[selection.scope_kind]} and {also}
        )
    """


def parameters_of(selection: Selection, loading: Loading) -> dict[str, Any]:
    """Return the values for the placeholders of :func:`costs_of`."""
    return {
        **scope_parameters(selection),
        "components": list(COMPONENTS[loading]),
    }
