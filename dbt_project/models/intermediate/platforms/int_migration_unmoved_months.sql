{#-
  The months of models that could be a migration's controls: it leaves them where they are, at
  most a tenth of their cost is on its platforms, they have a unit cost in each month of
  both windows, and between the windows their requests stayed within a factor of two.
-#}
with windows as (
    select *
    from {{ ref('int_migration_months') }}
    where period in ('before', 'after')
),

units as (
    select
        *,
        cost_of_use + cost_without_use as cost
    from {{ ref('int_model_inference_costs') }}
),

sizes as (
    select
        migration_id,
        count(*) as month_count
    from windows
    group by migration_id
),

on_platforms as (
    select
        windows.migration_id,
        costs.model_id,
        cast(sum(costs.effective_cost) as double) as cost,
        cast(sum(case when platforms.platform_id is not null then costs.effective_cost else 0 end) as double)
            as touched_cost
    from windows
    inner join {{ ref('fct_daily_model_costs') }} as costs on windows.month = costs.billing_month
    left join {{ source('control', 'migration_platforms') }} as platforms
        on windows.migration_id = platforms.migration_id and costs.platform_id = platforms.platform_id
    where costs.model_id is not null and costs.is_ai_cost
    group by windows.migration_id, costs.model_id
),

months as (
    select
        windows.migration_id,
        windows.period,
        windows.month,
        units.model_id,
        cast(units.successful_requests as double) as successful_requests,
        ln({{ quotient('units.cost', 'units.successful_requests') }}) as log_per_request
    from windows
    inner join units on windows.month = units.month
    left join {{ source('control', 'migration_models') }} as moved
        on windows.migration_id = moved.migration_id and units.model_id = moved.model_id
    where moved.model_id is null and units.successful_requests > 0 and units.cost > 0
),

models as (
    select
        migration_id,
        model_id,
        count(*) as month_count,
        sum(case when period = 'before' then successful_requests else 0 end) as before_requests,
        sum(case when period = 'after' then successful_requests else 0 end) as after_requests
    from months
    group by migration_id, model_id
)

select
    months.migration_id,
    months.model_id,
    months.period,
    months.month,
    months.log_per_request
from months
inner join models on months.migration_id = models.migration_id and months.model_id = models.model_id
inner join sizes on months.migration_id = sizes.migration_id and models.month_count = sizes.month_count
inner join on_platforms on months.migration_id = on_platforms.migration_id and months.model_id = on_platforms.model_id
where
    models.after_requests <= 2 * models.before_requests
    and models.before_requests <= 2 * models.after_requests
    and on_platforms.touched_cost <= 0.1 * on_platforms.cost
