{#- The former name of `mart_cost_outturns`, for one more release. -#}
select
    horizon as landing,
    period,
    series,
    model_id,
    currency,
    last_complete_day,
    remaining_day_count,
    actual_cost,
    outturn_cost as landing_cost,
    outturn_cost_low as landing_cost_low,
    outturn_cost_high as landing_cost_high,
    budget_amount,
    budget_outlook,
    backtest_sum_count,
    backtest_error_ratio,
    backtest_coverage_ratio
from {{ ref('mart_cost_outturns') }}
