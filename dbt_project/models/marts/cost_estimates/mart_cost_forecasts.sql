{#- What each day ahead is expected to cost, beside how wrong the method has been. -#}
select
    forecasts.charge_date,
    {{ month_label('forecasts.charge_date') }} as billing_month,
    forecasts.series,
    forecasts.model_id,
    forecasts.currency,
    forecasts.forecast_cost,
    forecasts.forecast_cost_low,
    forecasts.forecast_cost_high,
    quality.method,
    quality.last_complete_day,
    quality.backtest_origin_count,
    quality.backtest_error_ratio,
    quality.naive_error_ratio,
    quality.coverage_ratio
from {{ source('estimates', 'cost_forecasts') }} as forecasts
inner join {{ source('estimates', 'cost_forecast_quality') }} as quality
    on
        forecasts.series = quality.series
        and forecasts.currency = quality.currency
        and coalesce(forecasts.model_id, '') = coalesce(quality.model_id, '')
