"""Forecasts: days ahead, landings, and the errors of the method so far.

Amortised, before tax and credits, on any basis of the page. Forecasts belong to the
run, not to the period that is chosen: they start where its evidence ends, and a period
that was over by then has none.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from dashboard.shared.measured import relation, whole
from dashboard.shared.published import per_run, rows, table

if TYPE_CHECKING:
    import pyarrow as pa

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot

#: Series of a forecast that is no single model.
ALL_COST, NO_MODEL = "All AI spend", "Cost of no model"
#: Days before the forecast that are drawn.
KNOWN_DAYS = 62
#: The difference between the days of a month and its bills is stated for the whole.
_WHOLE_MONTH = "landing = 'month' and series = 'total'"
#: Name of a forecast's series.
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


def _amortised(selection: Selection) -> Selection:
    """Return a selection as forecasts need it: the whole, on a single basis."""
    return replace(whole(selection), basis="Amortised")


def _series_of(selection: Selection, condition: str) -> str:
    """Return the series that are forecast, each with how its method did, as SQL."""
    return relation(
        _amortised(selection),
        {"expected": "forecast_cost"},
        by=("series", "model_id"),
        labels=(
            *("method", "last_complete_day", "backtest_origin_count"),
            *("backtest_error_ratio", "naive_error_ratio", "coverage_ratio"),
        ),
        months="all",
        conditions=(condition,),
        counted=True,
    )


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
    """Return the forecast series: the whole first, then models by cost."""
    condition, of_scope = _scope(selection)
    found = rows(
        snapshot,
        f"""
        select {_SERIES} as name from {_series_of(selection, condition)}
        order by array_position(['total', 'model', 'unassigned'], series),
            expected desc, name
        """,
        **of_scope,
    )
    return tuple(row["name"] for row in found)


@per_run
def forecast_days(snapshot: Snapshot, selection: Selection, series: str) -> pa.Table:
    """Return the last known days of a series, then the days ahead."""
    last_day = "(select max(last_complete_day) from ahead)"
    known = relation(
        _amortised(selection),
        {"actual": "ai_cost"},
        by=("charge_date",),
        months="all",
        conditions=(
            f"charge_date <= {last_day}",
            f"charge_date > {last_day} - interval {KNOWN_DAYS} day",
            f"($series = '{ALL_COST}' or coalesce(model_id, '{NO_MODEL}') = $series)",
        ),
    )
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
        )
        select charge_date, 'known' as kind, actual, null::double as expected,
            null::double as low, null::double as high
        from {known}
        union all
        select charge_date, 'expected', actual, expected, low, high from ahead
        order by kind, charge_date
        """,
        currency=selection.currency,
        series=series,
    )


@per_run
def forecast_quality(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return each series' method with its back-test, beside the naive method."""
    condition, of_scope = _scope(selection)
    return table(
        snapshot,
        f"""
        select
            {_SERIES} as name,
            replace(method, '_', ' ') as method,
            backtest_error_ratio as error_ratio,
            naive_error_ratio,
            coverage_ratio,
            backtest_origin_count as origin_count,
            last_complete_day,
            backtest_error_ratio <= naive_error_ratio as is_no_worse_than_naive,
            case when backtest_origin_count = 0 then 'history too short' end as reason,
            row_count
        from {_series_of(selection, condition)}
        order by array_position(['total', 'model', 'unassigned'], series),
            expected desc, name
        """,
        **of_scope,
    )


@per_run
def landings(snapshot: Snapshot, selection: Selection) -> pa.Table:
    """Return where month, quarter and fiscal year end, the whole of each first.

    None of a period that was over before, and none of a scope that is not forecast.
    """
    condition, of_scope = _scope(selection)
    dated = _on_others(
        selection,
        "charge_month",
        "charge_date <= (select max(last_complete_day) from cost.mart_cost_outturns"
        " where currency = $currency)",
    )
    billed = _on_others(selection, "billing_month")
    return table(
        snapshot,
        f"""
        select
            horizon as landing,
            period,
            {_SERIES} as name,
            series,
            model_id,
            case when {_WHOLE_MONTH} then coalesce(dated.amount, 0) end
                as dated_on_other_bills,
            case when {_WHOLE_MONTH} then coalesce(billed.amount, 0) end
                as billed_on_other_days,
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
        from cost.mart_cost_outturns as outturns
        left join {dated} as dated on dated.charge_month = outturns.period
        left join {billed} as billed on billed.billing_month = outturns.period
        where currency = $currency and last_complete_month <= $month and {condition}
        order by array_position(['month', 'quarter', 'year'], horizon),
            array_position(['total', 'model', 'unassigned'], series),
            outturn_cost desc, name
        """,
        currency=selection.currency,
        month=max(selection.period.calendar_months),
        **of_scope,
    )


def _on_others(selection: Selection, month: str, *conditions: str) -> str:
    """Return AI cost that is billed in another month than its day, by a month of it."""
    return relation(
        _amortised(selection),
        {"amount": "ai_cost"},
        by=(month,),
        months="all",
        conditions=("billing_month <> charge_month", *conditions),
        source="(select *, strftime(charge_date, '%Y-%m') as charge_month"
        " from cost.fct_daily_model_costs) as costs",
    )
