{#-
  What money counts for the scorecard, by month, as a numerator and a denominator: cost per
  thousand successful inferences, what a platform charged for idle capacity and for
  training, spend a month, spend by budget, and spend by how portable its service is. A
  month of which a charge lacks an exchange rate is not known, and where nobody classified
  any service of a period, no share of a class is.
-#}
{%- set has_all_rates = 'max(case when costs.currency <> run.currency then 1 else 0 end) = 0' -%}
{%- set classes = ['portable', 'portable_with_effort', 'proprietary', 'unclassified'] -%}
with run as (
    select * from {{ source('control', 'run') }}
),

spend as (
    select
        months.migration_id as subject_id,
        months.period,
        months.month,
        case when {{ has_all_rates }} then cast(sum(costs.effective_cost) as double) end as cost,
        cast(max(budgets.budget_amount) as double) as budget
    from {{ ref('int_migration_months') }} as months
    inner join {{ ref('int_monthly_scope_costs') }} as costs
        on months.month = costs.billing_month and costs.scope_type = 'all'
    cross join run
    left join {{ ref('int_budgets_current') }} as budgets
        on
            months.month = budgets.billing_month
            and budgets.scope_type = 'all'
            and run.currency = budgets.currency
    group by months.migration_id, months.period, months.month
),

months_of_services as (
    select
        'platform' as subject_kind,
        platform_id as subject_id,
        'to_date' as period,
        billing_month as month,
        portability,
        currency,
        effective_cost
    from {{ ref('int_platform_service_costs') }}
    union all
    select
        'migration' as subject_kind,
        months.migration_id as subject_id,
        months.period,
        services.billing_month as month,
        services.portability,
        services.currency,
        services.effective_cost
    from {{ ref('int_platform_service_costs') }} as services
    inner join {{ ref('int_migration_months') }} as months on services.billing_month = months.month
    inner join {{ source('control', 'migration_platforms') }} as platforms
        on months.migration_id = platforms.migration_id and services.platform_id = platforms.platform_id
),

portabilities as (
    select
        costs.subject_kind,
        costs.subject_id,
        costs.period,
        costs.month,
        {% for class in classes -%}
        case
            when {{ has_all_rates }}
                then sum(case when costs.portability = '{{ class }}' then costs.effective_cost else 0 end)
        end as {{ class }}_cost,
        {% endfor -%}
        case when {{ has_all_rates }} then sum(costs.effective_cost) end as cost,
        max(max(case when costs.portability <> 'unclassified' then 1 else 0 end))
            over (partition by costs.subject_kind, costs.subject_id, costs.period) as has_classified
    from months_of_services as costs
    cross join run
    group by costs.subject_kind, costs.subject_id, costs.period, costs.month
),

charges as (
    select
        charges.platform_id,
        charges.month,
        max(case when charges.lacks_rate then 1 else 0 end) = 0 as has_all_rates,
        cast(sum(charges.idle_cost) as double) as idle_cost,
        -- A month without training charges, of a platform that has some, had none.
        coalesce(cast(sum(charges.training_cost) as double), 0) as training_cost,
        count(sum(charges.training_cost)) over (partition by charges.platform_id) > 0 as has_training,
        count(charges.idle_cost) > 0 as has_idle
    from {{ ref('int_platform_charges') }} as charges
    cross join {{ ref('int_reporting_moment') }} as moment
    where {{ month_end('charges.month') }} <= moment.as_of
    group by charges.platform_id, charges.month
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
{% for purpose in ['idle', 'training'] -%}
union all
select
    'platform' as subject_kind,
    platform_id as subject_id,
    'to_date' as period,
    'all' as basis,
    '{{ purpose }}_cost_per_month' as metric,
    month as observed_in,
    cast(null as string) as model_id,
    case when has_all_rates then {{ purpose }}_cost end as numerator,
    cast(1 as double) as denominator
from charges
where has_{{ purpose }}
{% endfor -%}
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
    {{ 'cast(' ~ class ~ '_cost as double)' if class == 'unclassified' else
        'case when has_classified = 1 then cast(' ~ class ~ '_cost as double) end' }} as numerator,
    cast(cost as double) as denominator
from portabilities
{% endfor %}
