{#-
  What money counts for the scorecard, by month, as a numerator and a denominator: cost per
  thousand successful inferences, spend a month, spend by budget, and spend by how portable
  its service is.
-#}
{%- set classes = ['portable', 'portable_with_effort', 'proprietary', 'unclassified'] -%}
with run as (
    select * from {{ source('control', 'run') }}
),

spend as (
    select
        months.migration_id as subject_id,
        months.period,
        months.month,
        cast(sum(costs.effective_cost) as double) as cost,
        cast(max(budgets.budget_amount) as double) as budget
    from {{ ref('int_migration_months') }} as months
    inner join {{ ref('int_monthly_scope_costs') }} as costs
        on months.month = costs.billing_month and costs.scope_type = 'all'
    inner join run on costs.currency = run.currency
    left join {{ ref('int_budgets_current') }} as budgets
        on
            months.month = budgets.billing_month
            and budgets.scope_type = 'all'
            and costs.currency = budgets.currency
    group by months.migration_id, months.period, months.month
),

services as (
    select
        'platform' as subject_kind,
        costs.platform_id as subject_id,
        'to_date' as period,
        costs.billing_month as month,
        costs.portability,
        costs.effective_cost
    from {{ ref('int_platform_service_costs') }} as costs
    inner join run on costs.currency = run.currency
    union all
    select
        'migration' as subject_kind,
        months.migration_id as subject_id,
        months.period,
        costs.billing_month as month,
        costs.portability,
        costs.effective_cost
    from {{ ref('int_platform_service_costs') }} as costs
    inner join run on costs.currency = run.currency
    inner join {{ ref('int_migration_months') }} as months on costs.billing_month = months.month
    inner join {{ source('control', 'migration_platforms') }} as platforms
        on months.migration_id = platforms.migration_id and costs.platform_id = platforms.platform_id
)

select * from {{ ref('int_scorecard_unit_costs') }}
union all
select
    'migration' as subject_kind,
    subject_id,
    period,
    'all' as basis,
    'spend_per_month' as metric,
    month as observed_in,
    cast(null as string) as model_id,
    cost as numerator,
    cast(1 as double) as denominator
from spend
union all
select
    'migration' as subject_kind,
    subject_id,
    period,
    'all' as basis,
    'spend_to_budget_ratio' as metric,
    month as observed_in,
    cast(null as string) as model_id,
    cost as numerator,
    budget as denominator
from spend
{% for class in classes -%}
union all
select
    subject_kind,
    subject_id,
    period,
    'all' as basis,
    '{{ class }}_spend_ratio' as metric,
    month as observed_in,
    cast(null as string) as model_id,
    cast(sum(case when portability = '{{ class }}' then effective_cost else 0 end) as double) as numerator,
    cast(sum(effective_cost) as double) as denominator
from services
group by subject_kind, subject_id, period, month
{% endfor %}
