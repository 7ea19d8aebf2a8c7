"""Budgets, and bridges from the cost of an earlier month.

Budgets are held against AI spend: amortised, before tax and credits, on any basis of
the page. A bridge compares the last month of the period with an earlier month.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from dashboard.shared.measured import measured_row, relation, whole
from dashboard.shared.names import named_sql
from dashboard.shared.published import per_run, ratio, rows, table
from dashboard.shared.selection_queries import is_over

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Basis, Selection
    from triptych.core.measures.query import Value
    from triptych.core.warehouse.reader import Snapshot

BridgeBar = Literal[
    "rate",
    "price",
    "volume",
    "efficiency",
    "purchase_mix",
    "mix",
    "new",
    "retired",
    "correction",
    "unused_commitment",
    "fx",
    "other",
    "not_invoiced",
]
#: Bars between two months, in their order. Runs of earlier versions have a price that
#: is cost over use, and neither rates nor the effects that rates separate.
BRIDGE_BARS: tuple[BridgeBar, ...] = get_args(BridgeBar)
#: Difference in meter coverage between the months above which a change may come from
#: the meter.
_UNEVEN_COVERAGE = 0.1
_BASES: dict[Basis, str] = {"Amortised": "effective", "Billed": "billed"}
_SCOPE_TYPES = {
    "model": "scope_type = 'model' and scope_id = $scope",
    "team": "scope_type = 'team' and scope_id = $scope",
    "cost centre": "scope_type = 'cost_center' and scope_id = $scope",
    "everything": "true",
}
#: Budgeted months of a scope; a month to come has no cost yet.
_BUDGETED = """
    select
        *,
        actual_cost is null and not is_month_over
            and count(actual_cost) over (partition by scope_type, scope_id) > 0
            as is_ahead
    from cost.mart_budget_variance
    where currency = $currency and list_contains($months, billing_month)
"""
_SCOPE_NAME = """
    case
        when scope_type = 'all' then 'everything'
        when scope_type = 'cost_center' then 'cost centre ' || scope_id
        else scope_type || ' ' || scope_id
    end
"""
_BUDGET_STATE = """
    case
        when is_all_ahead and budget is not null then 'ahead'
        when actual is null or budget is null then 'unknown'
        when actual > budget then 'over'
        when is_stale then 'stale'
        when is_running then 'running'
        when is_incomplete then 'incomplete'
        else 'within'
    end
"""
_PAIR = """
    from cost.mart_cost_bridge
    where currency = $currency and basis = $basis and billing_month = $month
        and prior_billing_month = $against
"""
#: AI cost is the same everywhere: before tax and credits, which statements add.
_BEFORE_TAX = "cost_line not in ('tax', 'credit')"
_BRIDGE = f"{_PAIR} and {_BEFORE_TAX}"


@per_run
def budgets(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return budget and actual of a period by scope, the whole first.

    A quarter is summed over its months that have a budget, and is unknown if any of
    these is unknown. A month to come has a budget and no cost yet; until the last month
    has passed, the quarter runs.
    """
    months = selection.period.calendar_months
    scope = {} if selection.covers_everything else {"scope": selection.scope_id}
    return table(
        snapshot,
        f"""
        with budgeted as ({_BUDGETED} and {_SCOPE_TYPES[selection.scope_kind]}),
        sums as (
            select
                scope_type,
                scope_id,
                case when count(budget_amount) = count(*) then sum(budget_amount) end
                    as budget,
                case when count(actual_cost) = count(*) filter (not is_ahead)
                    then sum(actual_cost) end as actual,
                bool_or(state = 'stale') as is_stale,
                bool_or(state = 'incomplete') as is_incomplete,
                bool_or(not is_month_over) or not $is_over as is_running,
                bool_and(state = 'ahead') as is_all_ahead,
                bool_or(is_estimated) as is_estimated,
                coalesce(
                    min(reason) filter (not is_ahead
                        and (budget_amount is null or actual_cost is null)),
                    min(reason) filter (not is_ahead)
                ) as reason,
                arg_max_null(budget_to_date_amount, billing_month)
                    filter (not is_ahead) as budget_to_date,
                arg_max_null(actual_to_date_cost, billing_month)
                    filter (not is_ahead) as actual_to_date,
                max(fiscal_year) filter (not is_ahead) as fiscal_year,
                max(billing_month) filter (not is_ahead) as last_month,
                count(*) as row_count
            from budgeted
            group by scope_type, scope_id
        )
        select
            *,
            {_SCOPE_NAME} as scope,
            actual - budget as variance,
            {ratio("(actual - budget)", "greatest(budget, 0)")} as variance_ratio,
            {ratio("actual", "greatest(budget, 0)")} as times_budget,
            greatest(actual, budget) as longer,
            {_BUDGET_STATE} as state
        from sums
        order by scope_type <> 'all', scope_type, budget desc nulls last, scope_id
        """,
        currency=selection.currency,
        months=list(months),
        is_over=is_over(snapshot, max(months)),
        **scope,
    )


@per_run
def budget_months(snapshot: Snapshot, selection: Selection) -> tuple[str, ...]:
    """Return the months that have a budget in the currency, newest first."""
    found = rows(
        snapshot,
        "select distinct billing_month from cost.mart_budget_variance"
        " where currency = $currency order by billing_month desc",
        currency=selection.currency,
    )
    return tuple(row["billing_month"] for row in found)


@per_run
def bridge_months(snapshot: Snapshot, selection: Selection) -> tuple[str, ...]:
    """Return the months that the last month of a period can be compared with.

    The newest comes first: it is the month before, if that month has cost.
    """
    found = rows(
        snapshot,
        "select distinct prior_billing_month from cost.mart_cost_bridge"
        " where currency = $currency and basis = $basis and billing_month = $month"
        " order by prior_billing_month desc",
        **_parameters(selection),
    )
    return tuple(row["prior_billing_month"] for row in found)


@per_run
def bridge_bars(snapshot: Snapshot, basis: Basis) -> tuple[BridgeBar, ...]:
    """Return the bars of a basis: only billed cost can lack an invoice."""
    known = table(snapshot, "select * from cost.mart_cost_bridge limit 0").column_names
    return tuple(
        bar
        for bar in BRIDGE_BARS
        # A run of an earlier version does not distinguish the two.
        if f"{bar}_amount" in known and (bar != "not_invoiced" or basis == "Billed")
    )


@per_run
def bridge_steps(snapshot: Snapshot, selection: Selection, against: str) -> pa.Table:
    """Return the steps from the earlier month's cost to the later month's.

    The bars begin at zero, which is the earlier month's cost, and end at the change;
    ``is_drawn`` is false for the costs of the two months, beside which bars are small.
    ``unknown_rate_cost`` is the part of the later cost with a unit price on no bill.
    """
    bars = bridge_bars(snapshot, selection.basis)
    totals = _bridge_costs(selection, against, has_rates="rate" in bars)
    last = len(BRIDGE_BARS)
    return table(
        snapshot,
        f"""
        with totals as (select * from {totals}),
        steps as (
            select step_order, step, amount, false as is_total, true as is_drawn,
                amount_begin as starts_at, amount_end as ends_at
            from {_bridge_amounts(selection, against, bars)}
            union all
            select 0, 'earlier', earlier, true, false, 0, earlier from totals
            union all
            select {last + 1}, 'change', change, true, true, 0, change from totals
            union all
            select {last + 2}, 'later', later, true, false, 0, later from totals
        )
        select
            step,
            amount,
            is_total,
            is_drawn,
            starts_at,
            ends_at,
            row_count,
            {"unknown_rate_cost" if "rate" in bars else "null"} as unknown_rate_cost
        from steps
        cross join totals
        where amount is not null
        order by step_order
        """,
    )


def _bridge_costs(selection: Selection, against: str, *, has_rates: bool) -> str:
    """Return SQL of the costs of both months and of their change."""
    names = {
        "earlier": "compared_prior_cost",
        "later": "compared_cost",
        "change": "compared_change",
    }
    if has_rates:
        names["unknown_rate_cost"] = "unknown_rate_cost"
    return relation(
        _bridged(selection),
        names,
        where=_pair(selection, against),
        months="all",
        conditions=(_BEFORE_TAX,),
        counted=True,
    )


def _bridge_amounts(
    selection: Selection, against: str, bars: tuple[BridgeBar, ...]
) -> str:
    """Return SQL of the amount of each bar, where it starts and where it ends."""
    return relation(
        _bridged(selection),
        {"amount": "bridge_step_amount"},
        by=("step",),
        where=_pair(selection, against) | {"step": bars},
        months="all",
        conditions=(_BEFORE_TAX,),
        labels=("step_order",),
        running="step_order",
        source=_steps_of_earlier_runs(bars),
    )


def _steps_of_earlier_runs(bars: tuple[BridgeBar, ...]) -> str | None:
    """Return SQL of the bars of a run of an earlier version, else None."""
    if "rate" in bars and "price" not in bars:
        return None
    rows_of_bars = " union all ".join(
        f"select *, '{bar}' as step, {place} as step_order,"
        f" {bar}_amount as step_amount from cost.mart_cost_bridge"
        for place, bar in enumerate(bars, start=1)
    )
    return f"({rows_of_bars}) as bridge_steps"


@per_run
def beyond_ai_cost(
    snapshot: Snapshot, selection: Selection, against: str
) -> dict[str, Any]:
    """Return tax and credits of the later month, and its cost with both."""
    return measured_row(
        snapshot,
        _bridged(selection),
        {
            "tax": "compared_tax",
            "credit": "compared_credit",
            "cost_with_both": "compared_cost",
        },
        _pair(selection, against),
        "all",
        is_zero_without_rows=True,
    )


@per_run
def unevenly_metered(
    snapshot: Snapshot, selection: Selection, against: str
) -> pa.Table:
    """Return models with meters that read unlike parts of the two months.

    The coverage ratios are days with a reading ÷ days with cost. Models are sorted by
    the size of their quantity and mix effects, largest first.
    """
    return table(
        snapshot,
        f"""
        select
            coalesce(names.model, bridge.model_id) as model,
            earlier.meter_coverage_ratio as prior_coverage_ratio,
            later.meter_coverage_ratio as coverage_ratio
        from (select * {_BRIDGE} and {_model(selection)}) as bridge
        inner join cost.mart_model_unit_costs as later
            using (billing_month, model_id, currency)
        inner join cost.mart_model_unit_costs as earlier
            on earlier.billing_month = prior_billing_month
            and earlier.model_id = bridge.model_id
            and earlier.currency = bridge.currency
        left join {named_sql("model")} as names on names.model_id = bridge.model_id
        where (volume_amount <> 0 or mix_amount <> 0) and abs(later.meter_coverage_ratio
                - earlier.meter_coverage_ratio) > {_UNEVEN_COVERAGE}
        order by abs(volume_amount) + abs(mix_amount) desc, model
        """,
        against=against,
        **_parameters(selection, with_model=True),
    )


@per_run
def bridge_lines(
    snapshot: Snapshot, selection: Selection, against: str, bar: BridgeBar | None
) -> pa.Table:
    """Return the lines behind a bar, or behind all bars, largest first."""
    amount = f"{bar}_amount" if bar else "change_amount"
    told = bridge_bars(snapshot, selection.basis)
    return table(
        snapshot,
        f"""
        select
            coalesce(names.model, bridge.model_id, 'no model') as model,
            replace(cost_line, '_', ' ') as cost_line,
            replace(unit, '_', ' ') as unit,
            prior_quantity,
            quantity,
            prior_cost,
            cost,
            {", ".join(f"{name}_amount" for name in told)},
            change_amount,
            {amount} as chosen_amount,
            reason
        from (select * {_BRIDGE} and {_model(selection)}) as bridge
        left join {named_sql("model")} as names using (model_id)
        where {amount} <> 0
        order by abs({amount}) desc, model, cost_line
        """,
        against=against,
        **_parameters(selection, with_model=True),
    )


def _bridged(selection: Selection) -> Selection:
    """Return the selection of a bridge, of which only models are lines."""
    return selection if selection.scope_kind == "model" else whole(selection)


def _pair(selection: Selection, against: str) -> dict[str, Value]:
    """Return the basis and the two months of a bridge, as measures are asked."""
    return {
        "basis": _BASES[selection.basis],
        "billing_month": max(selection.period.months),
        "prior_billing_month": against,
    }


def _model(selection: Selection) -> str:
    return "model_id = $scope" if selection.scope_kind == "model" else "true"


def _parameters(selection: Selection, *, with_model: bool = False) -> dict[str, Any]:
    is_model = with_model and selection.scope_kind == "model"
    return {
        "currency": selection.currency,
        "basis": _BASES[selection.basis],
        "month": max(selection.period.months),
        **({"scope": selection.scope_id} if is_model else {}),
    }
