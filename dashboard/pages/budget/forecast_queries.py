"""What is expected: days ahead, landings, and how wrong the method has been.

Amortised, before tax and credits, whatever the basis of the page. Forecasts belong to
the run, not to the period that is chosen: they start where its evidence ends, and a
period that was over by then knows nothing of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dashboard.shared.published import per_run, rows, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Series of a forecast that is no single model.
ALL_COST, NO_MODEL = "All AI spend", "What belongs to no model"
#: Days before the forecast that are drawn.
KNOWN_DAYS = 62
#: What differs between the days of a month and its bills is stated of the whole.
_WHOLE_MONTH = "landing = 'month' and series = 'total'"
#: What a forecast's series is called.
_SERIES = f"""
    case series when 'total' then '{ALL_COST}' when 'unassigned' then '{NO_MODEL}'
        else model_id end
"""


#: Series that are forecast of a scope: models, and everything; teams are not.
_OF_SCOPE = {
    "everything": "true",
    "model": "series = 'model' and model_id = $scope",
}


def _scope(selection: Selection) -> tuple[str, dict[str, str]]:
    """Return the condition of a scope's series, and its parameters."""
    condition = _OF_SCOPE.get(selection.scope_kind, "false")
    is_one = "$scope" in condition
    return condition, {"scope": selection.scope_id} if is_one else {}


def is_forecast(selection: Selection) -> bool:
    """Return whether series of a scope are forecast at all."""
    return selection.scope_kind in _OF_SCOPE


@per_run
def known_month(snapshot: Snapshot, selection: Selection) -> str:
    """Return the month up to which costs were known to forecasts; empty without any."""
    found = rows(
        snapshot,
        "select distinct last_complete_month as month from cost.mart_cost_outturns"
        " where currency = $currency",
        currency=selection.currency,
    )
    return found[0]["month"] if found else ""


def is_past(snapshot: Snapshot, selection: Selection) -> bool:
    """Return whether a period was over before forecasts began."""
    known = known_month(snapshot, selection)
    return max(selection.period.calendar_months) < known


@per_run
def forecast_series(snapshot: Snapshot, selection: Selection) -> tuple[str, ...]:
    """Return what is forecast: the whole first, then models, the costly ones first."""
    condition, of_scope = _scope(selection)
    found = rows(
        snapshot,
        f"""
        select {_SERIES} as name, series, sum(forecast_cost) as expected
        from cost.mart_cost_forecasts
        where currency = $currency and {condition}
        group by name, series
        order by array_position(['total', 'model', 'unassigned'], series),
            expected desc, name
        """,
        currency=selection.currency,
        **of_scope,
    )
    return tuple(row["name"] for row in found)


@per_run
def forecast_days(snapshot: Snapshot, selection: Selection, series: str) -> pa.Table:
    """Return the last known days of a series, then the days ahead."""
    return table(
        snapshot,
        f"""
        with ahead as (
            select
                charge_date,
                cast(null as decimal(38, 10)) as actual,
                forecast_cost as expected,
                forecast_cost_low as low,
                forecast_cost_high as high,
                last_complete_day
            from cost.mart_cost_forecasts
            where currency = $currency and {_SERIES} = $series
        ),
        edge as (select max(last_complete_day) as last_day from ahead),
        known as (
            select charge_date, sum(effective_cost) as actual
            from cost.fct_daily_model_costs, edge
            where currency = $currency and is_ai_cost
                and charge_date <= last_day
                and charge_date > last_day - interval {KNOWN_DAYS} day
                and ($series = '{ALL_COST}'
                    or coalesce(model_id, '{NO_MODEL}') = $series)
            group by charge_date
        )
        select charge_date, 'known' as kind, actual, null::double as expected,
            null::double as low, null::double as high
        from known
        union all
        select charge_date, 'expected', actual, expected, low, high from ahead
        order by kind, charge_date
        """,
        currency=selection.currency,
        series=series,
    )


@per_run
def forecast_quality(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return the method of each series with its back-test, beside the naive one."""
    condition, of_scope = _scope(selection)
    return table(
        snapshot,
        f"""
        select
            {_SERIES} as name,
            any_value(replace(method, '_', ' ')) as method,
            any_value(backtest_error_ratio) as error_ratio,
            any_value(naive_error_ratio) as naive_error_ratio,
            any_value(coverage_ratio) as coverage_ratio,
            any_value(backtest_origin_count) as origin_count,
            any_value(last_complete_day) as last_complete_day,
            any_value(backtest_error_ratio <= naive_error_ratio)
                as is_no_worse_than_naive,
            case when max(backtest_origin_count) = 0
                then 'history too short' end as reason,
            count(*) as row_count
        from cost.mart_cost_forecasts
        where currency = $currency and {condition}
        group by name, series
        order by array_position(['total', 'model', 'unassigned'], series),
            sum(forecast_cost) desc, name
        """,
        currency=selection.currency,
        **of_scope,
    )


@per_run
def landings(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return where month, quarter and fiscal year end, the whole of each first.

    None of a period that was over before, and none of a scope that is not forecast.
    """
    condition, of_scope = _scope(selection)
    return table(
        snapshot,
        f"""
        with days as (
            select
                billing_month,
                strftime(charge_date, '%Y-%m') as month,
                charge_date,
                effective_cost
            from cost.fct_daily_model_costs
            where currency = $currency and is_ai_cost
        )
        select
            horizon as landing,
            period,
            {_SERIES} as name,
            series,
            model_id,
            case when {_WHOLE_MONTH} then (
                select coalesce(sum(effective_cost), 0) from days
                where month = period and billing_month <> period
                    and charge_date <= last_complete_day
            ) end as dated_on_other_bills,
            case when {_WHOLE_MONTH} then (
                select coalesce(sum(effective_cost), 0) from days
                where billing_month = period and month <> period
            ) end as billed_on_other_days,
            last_complete_day,
            remaining_day_count,
            actual_cost as known,
            outturn_cost as expected,
            outturn_cost_low as low,
            outturn_cost_high as high,
            budget_amount as budget,
            budget_outlook as outlook,
            missing_amount as missing,
            reason,
            backtest_sum_count as sum_count,
            backtest_week_count as week_count,
            backtest_coverage_ratio as held_ratio,
            unwidened_coverage_ratio as unwidened_ratio,
            interval_widening_ratio as widening
        from cost.mart_cost_outturns
        where currency = $currency and last_complete_month <= $month and {condition}
        order by array_position(['month', 'quarter', 'year'], horizon),
            array_position(['total', 'model', 'unassigned'], series),
            outturn_cost desc, name
        """,
        currency=selection.currency,
        month=max(selection.period.calendar_months),
        **of_scope,
    )
