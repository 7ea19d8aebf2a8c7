"""Cost of a unit of work, with its numerator and its denominator."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from dashboard.pages.cost_by_model.queries import NAMES, TREND_MONTHS, of_models
from dashboard.shared.measured import relation, whole
from dashboard.shared.published import one, per_run, table
from dashboard.shared.selection_queries import SCOPES, Selection, scope_parameters
from triptych.core.measures.definition import definitions

if TYPE_CHECKING:
    from decimal import Decimal

    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot


Unit = Literal["1,000 requests", "1M tokens", "GPU-hour"]


#: Models that have no unit cost because they changed owner in a month.
_MOVED_ALONE = """
    count(distinct model_id) filter (has_moved and model_id not in (
        select model_id from unit_rows where is_now and is_metered and unit = $unit
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
    #: for a scope, since nobody knows how much of it belongs there.
    idle_cost: Decimal | None = None
    unit_cost_with_idle: float | None = None
    #: Currencies without an exchange rate in which models of the period have cost: that
    #: cost is in no numerator, and the units served for it alone in no denominator.
    unconverted: tuple[str, ...] = ()
    #: True if months of a model are left out of which only a part is in scope.
    has_moved: bool = False
    #: Models without a unit cost for that reason alone.
    moved_model_count: int = 0
    #: Days that are metered of the days with cost, where a model's month has fewest.
    day_count: int | None = None
    cost_day_count: int | None = None
    #: Reason for which a model that is metered on few days has no unit cost.
    refused: str | None = None

    @property
    def left_out(self) -> str:
        """Cost left out on both sides of the ratio, in words; no lower bound."""
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
        """Reason for the absence of a cost per request, in a sentence."""
        if self.refused:
            return f"Requests are {self.refused}, too few for a cost."
        moved = ", or of a model for its owner alone" if self.has_moved else ""
        return f"No requests are metered in this period{moved}: add a source of usage."


@per_run
def unit_costs(snapshot: Snapshot, selection: Selection, unit: Unit) -> pa.Table:
    """Return cost per unit by model with its numerator and denominator.

    Only months in which the model was metered on enough days, and all of it is of the
    scope, are in it. ``coverage_ratio`` is the lowest of the months.
    """
    now = relation(
        whole(selection),
        {
            "model_cost": "known_model_cost",
            "cost": "unit_numerator",
            "quantity": "counted_quantity",
            "coverage_ratio": "least_coverage",
        },
        by=("model_id",),
        where={"unit": unit},
        months="chosen",
        labels=("meter_reason", "has_moved"),
        source="unit_rows",
    )
    return table(
        snapshot,
        f"""
        with {unit_rows(selection)}, {NAMES}
        select
            model_id,
            coalesce(names.model, model_id) as model,
            unit_cost,
            now.cost,
            now.quantity,
            coverage_ratio,
            unit_cost_prior as prior_unit_cost,
            unit_cost_change_ratio as change_ratio,
            model_cost,
            case when unit_cost is null and has_moved then 'changed owner in a month'
                when unit_cost is null then coalesce(meter_reason, 'not metered')
                end as reason
        from {now} as now
        inner join {_of_units(selection, unit, ("model_id",))} as units using (model_id)
        left join names using (model_id)
        where model_cost is not null
        order by unit_cost is null, model_cost desc, model_id
        """,
        **scope_parameters(selection),
    )


@per_run
def unit_summary(snapshot: Snapshot, selection: Selection, unit: Unit) -> UnitSummary:
    """Return cost per unit over all metered models together.

    If a part of either period has no exchange rate, there is no change.
    """
    row = one(
        snapshot,
        f"""
        with {unit_rows(selection)},
        counts as (
            select
                count(distinct model_id) filter (is_metered) as metered_model_count,
                count(distinct model_id) as model_count,
                coalesce(bool_or(has_moved), false) as has_moved,
                arg_min(day_count, (coverage_ratio, day_count)) filter (is_metered)
                    as day_count,
                arg_min(cost_day_count, (coverage_ratio, day_count)) filter (is_metered)
                    as cost_day_count,
                max(meter_reason) filter (starts_with(meter_reason, 'metered'))
                    as refused,
                {_MOVED_ALONE} as moved_model_count
            from unit_rows where is_now and unit = $unit
        ),
        {_unconverted(selection)}
        select
            counts.*,
            cost,
            quantity,
            unit_cost,
            metered_cost_ratio,
            unconverted,
            case when is_comparable then unit_cost_prior end as prior_unit_cost,
            case when is_comparable then unit_cost_change_ratio end as change_ratio
        from {_of_units(selection, unit)} cross join counts cross join unconverted
        """,
        unit=unit,
        **scope_parameters(selection),
    )
    idle = _with_idle(snapshot, selection, unit)
    return UnitSummary(**row | idle | {"unconverted": tuple(row["unconverted"])})


@per_run
def unit_trend(snapshot: Snapshot, selection: Selection, unit: Unit) -> pa.Table:
    """Return cost per unit, cost and quantity by month, over all metered models."""
    by_month = relation(
        whole(selection),
        {
            "cost": "unit_numerator",
            "quantity": "unit_quantity",
            "unit_cost": "unit_cost",
            "metered_model_count": "metered_models",
        },
        by=("billing_month",),
        where={"unit": unit},
        months="all",
        conditions=("billing_month <= $until",),
        order="billing_month DESC",
        limit=TREND_MONTHS,
        source="unit_rows",
    )
    return table(
        snapshot,
        f"with {unit_rows(selection)} select * from {by_month} order by billing_month",
        **scope_parameters(selection),
        until=max(selection.period.months),
    )


def _of_units(selection: Selection, unit: Unit, by: tuple[str, ...] = ()) -> str:
    """Return cost and quantity of metered months, and the unit cost with its change."""
    return relation(
        whole(selection),
        {
            "cost": "unit_numerator",
            "quantity": "unit_quantity",
            "unit_cost": "unit_cost",
            "metered_cost_ratio": "metered_cost_ratio",
        },
        by=by,
        where={"unit": unit},
        source="unit_rows",
    )


def unit_rows(selection: Selection) -> str:
    """Return the CTE ``unit_rows``: a model's month, its cost and its quantity.

    A month of which only a part is of the scope has the cost of that part, and no unit
    cost.
    """
    return f"""
        {owned_months(selection)},
        unit_rows as (
            select
                units.* replace (
                    case when is_whole then fully_loaded_cost else own_cost end
                        as fully_loaded_cost,
                    case when is_whole then quantity end as quantity,
                    case when is_whole then unit_reason else 'changed owner' end
                        as unit_reason
                ),
                unit_reason as meter_reason,
                not is_whole as has_moved,
                is_whole and unit_reason is null as is_metered,
                list_contains($months, billing_month) as is_now,
                list_contains($prior_months, billing_month) as is_before
            from ({definitions().measure("unit_cost").model.sql}) as units
            inner join owned_months using (billing_month, model_id)
            where currency = $currency
        )
    """


def _with_idle(snapshot: Snapshot, selection: Selection, unit: Unit) -> dict[str, Any]:
    """Return GPUs of nobody, which serve nothing, and the unit cost with them.

    Of a scope it is not known how much of them is its own.
    """
    if not selection.covers_everything or unit == "1M tokens":
        return {}
    idle = relation(
        replace(selection, basis="Amortised"),
        {"idle": "unowned_idle_cost"},
        by=("billing_month", "currency"),
        where={"currency": selection.currency},
        months="chosen",
        within=(),
    )
    with_it = relation(
        selection,
        {"unit_cost": "unit_cost"},
        where={"unit": unit},
        months="chosen",
        source="with_idle",
    )
    return one(
        snapshot,
        f"""
        with {unit_rows(selection)},
        idle as (select * from {idle}),
        with_idle as (
            select billing_month, currency, unit, units, cost, quantity, unit_reason
            from unit_rows
            union all
            select billing_month, currency, $unit, 1, idle, 0, null from idle
        )
        select
            idle_cost,
            case when idle_cost is not null then unit_cost end as unit_cost_with_idle
        from {with_it} cross join (select max(idle_total) as idle_cost from idle)
        """,
        unit=unit,
        **scope_parameters(selection),
    )


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
    """Return the CTE ``owned_months``: months of models with parts in scope.

    A meter counts the whole month: a month in which a model went from an owner to
    another has a cost for each, and a unit cost for none of them.
    """
    scope = SCOPES[selection.scope_kind]
    own = relation(
        replace(selection, basis="Amortised"),
        {"own_cost": "model_cost"},
        by=("billing_month", "model_id"),
        where=of_models("Fully loaded"),
        months="all",
    )
    return f"""
        owned_months as (
            select distinct
                costs.billing_month,
                costs.model_id,
                own_cost,
                (costs.billing_month, costs.model_id) not in (
                    select (billing_month, model_id) from cost.fct_daily_model_costs
                    where model_id is not null and not coalesce({scope}, false)
                ) as is_whole
            from (
                select billing_month, model_id from cost.fct_daily_model_costs
                where model_id is not null and {scope}
            ) as costs
            left join {own} as own using (billing_month, model_id)
        )
    """


def _in_scope(selection: Selection) -> str:
    """Return which months of models are of the scope."""
    return f"""(billing_month, model_id) in (
        select billing_month, model_id from cost.fct_daily_model_costs
        where {SCOPES[selection.scope_kind]}
    )"""
