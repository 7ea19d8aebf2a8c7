{#-
  What each model costs on the days that a meter knows, by what it is divided by; all of it where
  the meter knows no day. Of a fee, the part of the days that are metered.
-#}
with days as (
    select * from {{ ref('int_model_cost_days') }}
),

coverage as (
    select
        billing_month,
        model_id,
        currency,
        meter,
        cast(count(*) as integer) as cost_day_count,
        cast(sum(case when is_metered then 1 else 0 end) as integer) as metered_day_count,
        cast(sum(case when is_metered_at_all then 1 else 0 end) as integer) as any_metered_day_count
    from days
    group by billing_month, model_id, currency, meter
),

summed as (
    select
        costs.billing_month,
        costs.model_id,
        costs.currency,
        costs.meter,
        costs.cost_kind,
        coverage.cost_day_count,
        coverage.metered_day_count,
        coverage.any_metered_day_count,
        {{ to_money('coalesce(sum(case when costs.is_daily and (days.is_metered or coverage.metered_day_count = 0) '
            ~ 'then costs.effective_cost end), 0)') }} as cost_by_day,
        {{ to_money('coalesce(sum(case when not costs.is_daily then costs.effective_cost end), 0)') }} as fee
    from {{ ref('int_model_cost_lines') }} as costs
    inner join coverage
        on
            costs.billing_month = coverage.billing_month
            and costs.model_id = coverage.model_id
            and costs.currency = coverage.currency
            and costs.meter = coverage.meter
    left join days
        on
            costs.billing_month = days.billing_month
            and costs.model_id = days.model_id
            and costs.currency = days.currency
            and costs.meter = days.meter
            and costs.charge_date = days.charge_date
    group by
        costs.billing_month, costs.model_id, costs.currency, costs.meter, costs.cost_kind,
        coverage.cost_day_count, coverage.metered_day_count, coverage.any_metered_day_count
)

select
    billing_month,
    model_id,
    currency,
    meter,
    cost_kind,
    cost_day_count,
    metered_day_count,
    any_metered_day_count,
    {{ to_money(
        'cost_by_day + coalesce(' ~ money_in_proportion('fee', 'metered_day_count', 'cost_day_count') ~ ', fee)'
    ) }} as metered_cost
from summed
