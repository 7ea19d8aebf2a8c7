{#-
  What each platform charged in a month for serving each model (charges of that model
  alone and its shares of shared ones), for training it, and for what nobody used, which
  has no model. Where no rule names a stage, it is serving. Of a part in another
  currency, for want of a rate, nobody knows what it comes to.
-#}
with charges as (
    select
        costs.billing_month as month,
        costs.platform_id,
        costs.model_id,
        run.currency,
        costs.currency <> run.currency as lacks_rate,
        costs.effective_cost,
        case
            when costs.lifecycle_stage = 'training' then 'training'
            when costs.lifecycle_stage in ('data', 'experimentation') then 'preparing'
            when costs.component = 'idle' then 'idle'
            else 'serving'
        end as purpose
    from {{ ref('fct_daily_model_costs') }} as costs
    cross join {{ source('control', 'run') }} as run
    where costs.platform_id is not null and costs.component in ('direct', 'shared', 'idle')
)

select
    month,
    platform_id,
    model_id,
    currency,
    {% for purpose in ['serving', 'idle', 'training'] -%}
    sum(case when purpose = '{{ purpose }}' then effective_cost end) as {{ purpose }}_cost,
    {% endfor -%}
    max(case when lacks_rate then 1 else 0 end) = 1 as lacks_rate
from charges
group by month, platform_id, model_id, currency
