"""Budgets, and bridges from the cost of an earlier month.

Budgets are held against AI spend: amortised, before tax and credits, on any basis of
the page. A bridge compares the last month of the period with an earlier month.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, get_args

from dashboard.shared.measured import measured_row, relation, whole
from dashboard.shared.names import named_sql
from dashboard.shared.published import has_mart, per_run, rows, table, table_of

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
#: Budgets by period; runs of earlier versions lack them.
PERIODS = "cost.mart_budget_periods"
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
_SCOPE_NAME = """
    case
        when scope_type = 'all' then 'everything'
        when scope_type = 'cost_center' then 'cost centre ' || scope_id
        else scope_type || ' ' || scope_id
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

    ``row_count`` is the number of its months that have a budget.
    """
    scope = {} if selection.covers_everything else {"scope": selection.scope_id}
    return table_of(
        snapshot,
        PERIODS,
        f"""
        select
            scope_type,
            scope_id,
            {_SCOPE_NAME} as scope,
            budget_amount as budget,
            actual_cost as actual,
            variance_amount as variance,
            variance_ratio,
            actual_to_budget_ratio as times_budget,
            greatest(actual_cost, budget_amount) as longer,
            budget_to_date_amount as budget_to_date,
            actual_to_date_cost as actual_to_date,
            fiscal_year,
            last_month,
            state,
            reason,
            month_count as row_count
        from {PERIODS}
        where currency = $currency and period = $period
            and {_SCOPE_TYPES[selection.scope_kind]}
        order by scope_type <> 'all', scope_type, budget desc nulls last, scope_id
        """,
        currency=selection.currency,
        period=selection.period.label,
        **scope,
    )


def has_periods(snapshot: Snapshot) -> bool:
    """Return True if a run has budgets by period."""
    return has_mart(snapshot, PERIODS)


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
