{#-
  What each model costs in a month on all platforms without its training, as the use
  itself and as what nobody used, next to the inferences it answered. Training is apart:
  no inference asks for it. A month in which the model has a part in another currency is
  NULL, for want of a rate.
-#}
with run as (
    select * from {{ source('control', 'run') }}
),

served as (
    select
        billing_month,
        model_id,
        max(successful_requests) as successful_requests
    from {{ ref('mart_model_unit_costs') }}
    group by billing_month, model_id
)

select
    costs.billing_month as month,
    costs.model_id,
    run.currency,
    {% for name, components in [
        ('cost_of_use', ['direct', 'shared']), ('cost_without_use', ['idle', 'unused_commitment', 'overhead']),
    ] -%}
    case
        when max(case when costs.currency <> run.currency then 1 else 0 end) = 0
            then sum(case when costs.component in ({{ sql_texts(components) }}) then costs.effective_cost else 0 end)
    end as {{ name }},
    {% endfor -%}
    max(served.successful_requests) as successful_requests
from {{ ref('fct_daily_model_costs') }} as costs
cross join run
left join served on costs.billing_month = served.billing_month and costs.model_id = served.model_id
where
    costs.model_id is not null and costs.lifecycle_stage <> 'training'
    and costs.component in ('direct', 'shared', 'idle', 'unused_commitment', 'overhead')
group by costs.billing_month, costs.model_id, run.currency
