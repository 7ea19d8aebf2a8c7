{#-
  Budget and AI spend by scope and by month or calendar quarter. A quarter adds up its months
  that have a budget, and is unknown where one of these is. A month to come has a budget and no
  cost yet, which counts only in a quarter without any cost. Until its last month has passed,
  with a budget or not, a quarter runs.
-#}
{%- set scope = 'period_type, period, scope_type, scope_id, currency' -%}
with months as (
    select
        budgets.*,
        {{ month_label('moment.as_of') }} as running_month,
        {{ fiscal_quarter('budgets.billing_month', 1) }} as quarter
    from {{ ref('mart_budget_variance') }} as budgets
    cross join {{ ref('int_reporting_moment') }} as moment
),

members as (
    select
        *,
        'month' as period_type,
        billing_month as period,
        running_month as running_period
    from months
    union all
    select
        *,
        'quarter' as period_type,
        quarter as period,
        {{ fiscal_quarter('running_month', 1) }} as running_period
    from months
),

placed as (
    select
        *,
        actual_cost is null and not is_month_over and count(actual_cost) over (partition by {{ scope }}) > 0 as is_ahead
    from members
),

dated as (
    select
        *,
        max(case when not is_ahead then billing_month end) over (partition by {{ scope }}) as last_month
    from placed
),

summed as (
    select
        {{ scope }},
        case when period_type = 'month' then period end as billing_month,
        period < running_period as is_period_over,
        case when count(budget_amount) = count(*) then sum(budget_amount) end as budget_amount,
        case when count(case when actual_cost is null and not is_ahead then 1 end) = 0 then sum(actual_cost) end
            as actual_cost,
        max(case when not is_ahead then fiscal_year end) as fiscal_year,
        max(last_month) as last_month,
        max(case when billing_month = last_month then budget_to_date_amount end) as budget_to_date_amount,
        max(case when billing_month = last_month then actual_to_date_cost end) as actual_to_date_cost,
        count(*) as month_count,
        max(case when is_estimated then 1 else 0 end) = 1 as is_estimated,
        min(case when state = 'ahead' then 1 else 0 end) = 1 as is_to_come,
        max(case when state = 'stale' then 1 else 0 end) = 1 as is_stale,
        max(case when state = 'incomplete' then 1 else 0 end) = 1 as is_incomplete,
        coalesce(
            min(case when not is_ahead and (budget_amount is null or actual_cost is null) then reason end),
            min(case when not is_ahead then reason end)
        ) as reason
    from dated
    group by {{ scope }}, running_period
)

select
    period_type,
    period,
    billing_month,
    scope_type,
    scope_id,
    currency,
    {{ to_money('budget_amount') }} as budget_amount,
    {{ to_money('actual_cost') }} as actual_cost,
    {{ to_money('actual_cost - budget_amount') }} as variance_amount,
    case when budget_amount > 0 then {{ safe_ratio('(actual_cost - budget_amount)', 'budget_amount') }} end
        as variance_ratio,
    case when budget_amount > 0 then {{ safe_ratio('actual_cost', 'budget_amount') }} end as actual_to_budget_ratio,
    fiscal_year,
    last_month,
    budget_to_date_amount,
    actual_to_date_cost,
    month_count,
    is_estimated,
    is_period_over,
    {{ budget_state('is_to_come', 'is_period_over', 'is_incomplete') }} as state,
    reason
from summed
