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


@dataclass(frozen=True, slots=True)
class _Halves:
    """Columns of a unit cost: both halves, their meter, and why there is none."""

    cost: str
    quantity: str
    units: int
    meter: str
    reason: str


_HALVES: dict[Unit, _Halves] = {
    "1,000 requests": _Halves(
        "request_metered_cost", "requests", 1_000, "requests", "request_cost_reason"
    ),
    "1M tokens": _Halves(
        "token_cost",
        "case when input_tokens is not null or output_tokens is not null"
        " then coalesce(input_tokens, 0) + coalesce(output_tokens, 0) end",
        1_000_000,
        "tokens",
        "token_cost_reason",
    ),
    "GPU-hour": _Halves(
        "gpu_cost", "held_gpu_hours", 1, "gpu_hours", "gpu_cost_reason"
    ),
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
    #: Days that are metered of the days with cost, where a model's month has fewest.
    day_count: int | None = None
    cost_day_count: int | None = None
    #: Why a model that is metered on few days has no unit cost.
    refused: str | None = None

    @property
    def left_out(self) -> str:
        """What the ratio leaves out on both sides, in words; it is no lower bound."""
        if not self.unconverted:
            return ""
        return f"not complete: cost in {' and '.join(self.unconverted)} left out"

    @property
    def metered_days(self) -> str:
        """The days that are metered, in words; nothing where all are."""
        if not self.cost_day_count or self.day_count == self.cost_day_count:
            return ""
        least = "at the least " if self.metered_model_count > 1 else ""
        return f"metered on {least}{self.day_count} of {self.cost_day_count} days"

    @property
    def without_requests(self) -> str:
        """Why there is no cost per request, in a sentence."""
        if self.refused:
            return f"Requests are {self.refused}, too few for a cost."
        moved = ", or of a model for its owner alone" if self.has_moved else ""
        return f"No requests are metered in this period{moved}."


@per_run
def unit_costs(snapshot: Snapshot, selection: Selection, unit: Unit) -> pa.Table:
    """Return cost per unit by model with its numerator and denominator.

    Only months in which the model was metered on enough days, and all of it is of the
    scope, are in it. ``coverage_ratio`` is the lowest of the months.
    """
    return table(
        snapshot,
        f"""
        with {_unit_rows(selection, unit)}, {NAMES},
        models as (
            select
                model_id,
                sum(model_cost) filter (is_now) as model_cost,
                sum(cost) filter (is_now and is_metered) as cost,
                sum(quantity) filter (is_now) as quantity,
                min(coverage_ratio) filter (is_now and quantity is not null)
                    as coverage_ratio,
                max(unit_reason) filter (is_now) as unit_reason,
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
                when unit_cost is null then coalesce(unit_reason, 'not metered')
                end as reason
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
                arg_min(day_count, coverage_ratio)
                    filter (is_now and is_metered) as day_count,
                arg_min(cost_day_count, coverage_ratio)
                    filter (is_now and is_metered) as cost_day_count,
                max(unit_reason) filter (is_now and starts_with(unit_reason, 'metered'))
                    as refused,
                {_MOVED_ALONE} as moved_model_count,
                {
            ratio(
                "sum(model_cost) filter (is_now and is_metered)",
                "sum(model_cost) filter (is_now)",
            )
        } as metered_cost_ratio
            from unit_rows
        ),
        {_idle_capacity(selection, unit)},
        {_unconverted(selection)}
        select
            figures.* exclude (prior_unit_cost),
            idle_cost,
            unconverted,
            case when is_comparable then figures.prior_unit_cost end as prior_unit_cost,
            {ratio("(cost + idle_cost)", "quantity")} * {_HALVES[unit].units}
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
    of = _HALVES[unit]
    return f"""
        {owned_months(selection)},
        unit_rows as (
            select
                billing_month,
                model_id,
                is_whole,
                case when is_whole then fully_loaded_cost else own_cost end
                    as model_cost,
                case when is_whole then {of.cost} end as cost,
                case when is_whole then {of.quantity} end as quantity,
                is_whole and {of.reason} is null as is_metered,
                {of.reason} as unit_reason,
                {of.meter}_day_count as day_count,
                {of.meter}_cost_day_count as cost_day_count,
                coalesce(
                    {ratio(f"{of.meter}_day_count", f"{of.meter}_cost_day_count")},
                    meter_coverage_ratio
                ) as coverage_ratio,
                list_contains($months, billing_month) as is_now,
                list_contains($prior_months, billing_month) as is_before
            from cost.mart_model_unit_costs
            inner join owned_months using (billing_month, model_id)
            where currency = $currency
        )
    """


def _idle_capacity(selection: Selection, unit: Unit) -> str:
    """Return the CTE ``idle``: GPUs of nobody, for the whole and where GPUs count."""
    counts = selection.covers_everything and unit != "1M tokens"
    return f"""
        idle as (
            select sum(effective_cost) as idle_cost from cost.fct_daily_model_costs
            where currency = $currency and list_contains($months, billing_month)
                and component = 'idle' and model_id is null
                and {str(counts).lower()}
        )
    """


def _unconverted(selection: Selection) -> str:
    """Return the CTE ``unconverted``: currencies of the scope without a rate."""
    return f"""
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
    return f"{cost_of_one} * {_HALVES[unit].units}"
