"""What one unit of work costs, with its numerator and its denominator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from dashboard.pages.cost_by_model.queries import COMPONENTS, NAMES, TREND_MONTHS
from dashboard.shared.published import one, per_run, ratio, table
from dashboard.shared.selection_queries import SCOPES, Selection, scope_parameters

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot


Unit = Literal["1,000 requests", "1M tokens", "GPU-hour"]
_QUANTITIES: dict[Unit, tuple[str, int]] = {
    "1,000 requests": ("requests", 1_000),
    "1M tokens": (
        "case when input_tokens is not null or output_tokens is not null"
        " then coalesce(input_tokens, 0) + coalesce(output_tokens, 0) end",
        1_000_000,
    ),
    "GPU-hour": ("gpu_hours", 1),
}


#: Models that have no unit cost because they changed owner in a month.
_MOVED_ALONE = """
    count(distinct model_id) filter (is_now and not is_whole and model_id not in (
        select model_id from unit_rows where is_now and is_metered
    ))
"""


@dataclass(frozen=True, slots=True)
class UnitSummary:
    """Cost per unit over all metered models of a selection."""

    cost: Decimal | None
    quantity: Decimal | None
    unit_cost: float | None
    prior_unit_cost: float | None
    change_ratio: float | None
    metered_model_count: int
    model_count: int
    metered_cost_ratio: float | None
    #: Idle capacity that is charged to no model, and the unit cost with it; ``None``
    #: for a scope, to which nobody can say how much of it belongs.
    idle_cost: Decimal | None = None
    unit_cost_with_idle: float | None = None
    #: Currencies without an exchange rate in which models of the period cost something:
    #: that is in no numerator, and what they served alone in no denominator.
    unconverted: tuple[str, ...] = ()
    #: Whether months of a model are left out of which only a part is of the scope.
    has_moved: bool = False
    #: Models without a unit cost for that reason alone.
    moved_model_count: int = 0

    @property
    def left_out(self) -> str:
        """What the ratio leaves out on both sides, in words; it is no lower bound."""
        if not self.unconverted:
            return ""
        return f"not complete: cost in {' and '.join(self.unconverted)} left out"

    @property
    def without_requests(self) -> str:
        """Why there is no cost per request, in a sentence."""
        moved = ", or of a model for its owner alone" if self.has_moved else ""
        return f"No requests are metered in this period{moved}."


@per_run
def unit_costs(snapshot: Snapshot, selection: Selection, unit: Unit) -> pa.Table:
    """Return cost per unit by model with its numerator and denominator.

    Only months in which the model was metered, and all of it is of the scope, are in
    the numerator. ``coverage_ratio`` is the lowest of those months.
    """
    return table(
        snapshot,
        f"""
        with {_unit_rows(selection, unit)}, {NAMES},
        models as (
            select
                model_id,
                sum(cost) filter (is_now) as model_cost,
                sum(cost) filter (is_now and is_metered) as cost,
                sum(quantity) filter (is_now) as quantity,
                min(coverage_ratio) filter (is_now and is_metered) as coverage_ratio,
                bool_or(is_now and not is_whole) as has_moved,
                {_unit_ratio(unit, "is_now")} as unit_cost,
                {_unit_ratio(unit, "is_before")} as prior_unit_cost
            from unit_rows
            where is_now or is_before
            group by model_id
        )
        select
            model_id,
            coalesce(names.model, model_id) as model,
            unit_cost,
            cost,
            quantity,
            coverage_ratio,
            prior_unit_cost,
            (unit_cost - prior_unit_cost) / nullif(abs(prior_unit_cost), 0)
                as change_ratio,
            model_cost,
            case when unit_cost is null and has_moved then 'changed owner in a month'
                when unit_cost is null and quantity = 0 then 'none served'
                when unit_cost is null then 'not metered' end as reason
        from models
        left join names using (model_id)
        where model_cost is not null
        order by unit_cost is null, model_cost desc, model_id
        """,
        **scope_parameters(selection),
    )


@per_run
def unit_summary(snapshot: Snapshot, selection: Selection, unit: Unit) -> UnitSummary:
    """Return cost per unit over all metered models together.

    Where a part of either period has no exchange rate, there is no change.
    """
    row = one(
        snapshot,
        f"""
        with {_unit_rows(selection, unit)},
        figures as (
            select
                sum(cost) filter (is_now and is_metered) as cost,
                sum(quantity) filter (is_now and is_metered) as quantity,
                {_unit_ratio(unit, "is_now")} as unit_cost,
                {_unit_ratio(unit, "is_before")} as prior_unit_cost,
                count(distinct model_id) filter (is_now and is_metered)
                    as metered_model_count,
                count(distinct model_id) filter (is_now) as model_count,
                coalesce(bool_or(is_now and not is_whole), false) as has_moved,
                {_MOVED_ALONE} as moved_model_count,
                {
            ratio(
                "sum(cost) filter (is_now and is_metered)", "sum(cost) filter (is_now)"
            )
        } as metered_cost_ratio
            from unit_rows
        ),
        idle as (
            select sum(effective_cost) as idle_cost from cost.fct_daily_model_costs
            where currency = $currency and list_contains($months, billing_month)
                and component = 'idle' and model_id is null
                and {"true" if selection.covers_everything else "false"}
        ),
        unconverted as (
            select
                coalesce(list(distinct currency order by currency)
                    filter (list_contains($months, billing_month)), [])
                    as unconverted,
                count(*) = 0 as is_comparable
            from cost.mart_model_unit_costs
            where currency not in ($currency, (select currency from core.mart_run))
                and (list_contains($months, billing_month)
                    or list_contains($prior_months, billing_month))
                and {_in_scope(selection)}
        )
        select
            figures.* exclude (prior_unit_cost),
            idle_cost,
            unconverted,
            case when is_comparable then figures.prior_unit_cost end as prior_unit_cost,
            {ratio("(cost + idle_cost)", "quantity")} * {_QUANTITIES[unit][1]}
                as unit_cost_with_idle,
            case when is_comparable
                then (unit_cost - figures.prior_unit_cost)
                    / nullif(abs(figures.prior_unit_cost), 0) end as change_ratio
        from figures cross join idle cross join unconverted
        """,
        **scope_parameters(selection),
    )
    return UnitSummary(**row | {"unconverted": tuple(row["unconverted"])})


@per_run
def unit_trend(snapshot: Snapshot, selection: Selection, unit: Unit) -> pa.Table:
    """Return cost per unit, cost and quantity by month, over all metered models."""
    return table(
        snapshot,
        f"""
        with {_unit_rows(selection, unit)}
        select
            billing_month,
            sum(cost) filter (is_metered) as cost,
            sum(quantity) filter (is_metered) as quantity,
            {_unit_ratio(unit, "true")} as unit_cost,
            count(distinct model_id) filter (is_metered) as metered_model_count
        from unit_rows
        where billing_month <= $until
        group by billing_month
        qualify row_number() over (order by billing_month desc) <= {TREND_MONTHS}
        order by billing_month
        """,
        **scope_parameters(selection),
        until=max(selection.period.months),
    )


def _unit_rows(selection: Selection, unit: Unit) -> str:
    """Return the CTE ``unit_rows``: a model's month, its cost and its quantity."""
    quantity, _ = _QUANTITIES[unit]
    return f"""
        {owned_months(selection)},
        unit_rows as (
            select
                billing_month,
                model_id,
                is_whole,
                case when is_whole then fully_loaded_cost else own_cost end as cost,
                case when is_whole then {quantity} end as quantity,
                is_whole and coalesce({quantity}, 0) > 0 as is_metered,
                meter_coverage_ratio as coverage_ratio,
                list_contains($months, billing_month) as is_now,
                list_contains($prior_months, billing_month) as is_before
            from cost.mart_model_unit_costs
            inner join owned_months using (billing_month, model_id)
            where currency = $currency
        )
    """


def owned_months(selection: Selection) -> str:
    """Return the CTE ``owned_months``: months of models, and what of them is in scope.

    What a meter counts is of the whole month: a month in which a model went from one
    owner to another has a cost for each, and a unit cost for none of them.
    """
    scope = SCOPES[selection.scope_kind]
    loaded = ", ".join(f"'{part}'" for part in COMPONENTS["Fully loaded"])
    return f"""
        owned_months as (
            select
                billing_month,
                model_id,
                bool_and(coalesce({scope}, false)) as is_whole,
                sum(effective_cost) filter (
                    {scope} and currency = $currency and component in ({loaded})
                ) as own_cost
            from cost.fct_daily_model_costs
            where model_id is not null
            group by billing_month, model_id
            having bool_or({scope})
        )
    """


def _in_scope(selection: Selection) -> str:
    """Return which months of models are of the scope."""
    return f"""(billing_month, model_id) in (
        select billing_month, model_id from cost.fct_daily_model_costs
        where {SCOPES[selection.scope_kind]}
    )"""


def _unit_ratio(unit: Unit, condition: str) -> str:
    rows = f"filter ({condition} and is_metered)"
    cost_of_one = ratio(f"sum(cost) {rows}", f"sum(quantity) {rows}")
    return f"{cost_of_one} * {_QUANTITIES[unit][1]}"
