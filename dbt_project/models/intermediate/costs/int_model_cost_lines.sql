{#-
  Effective cost of each model by day, once for each quantity that it is divided by: the fully
  loaded cost by requests, the cost of tokens by tokens, and its shares of GPU pools by GPU
  hours. A line that comes once a month is a fee of the month; so is one dated in another month.
-#}
{%- set components = ['direct', 'shared', 'idle', 'unused_commitment', 'overhead'] %}
with lines as (
    select
        billing_month,
        charge_date,
        model_id,
        currency,
        source || '/' || component || '/' || coalesce(pool_id, '') as line,
        'loaded' as cost_kind,
        'requests' as meter,
        effective_cost
    from {{ ref('int_daily_model_costs_live') }}
    where model_id is not null and component in ({{ sql_texts(components) }})
    union all
    select
        billing_month,
        charge_date,
        model_id,
        currency,
        source || '/' || coalesce(pool_id, '') as line,
        cost_kind,
        'tokens' as meter,
        effective_cost
    from {{ ref('int_token_costs') }}
    union all
    select
        billing_month,
        charge_date,
        participant_id as model_id,
        currency,
        source || '/' || pool_id as line,
        'gpu' as cost_kind,
        'gpu_hours' as meter,
        effective_cost
    from {{ ref('int_pool_costs_allocated') }}
    where driver = 'gpu_hours' and participant_id not in ('__idle__', '__unallocated__')
)

select
    billing_month,
    charge_date,
    model_id,
    currency,
    cost_kind,
    meter,
    effective_cost,
    {{ month_label('charge_date') }} = billing_month
    and min(charge_date) over same_line <> max(charge_date) over same_line as is_daily
from lines
window same_line as (partition by billing_month, model_id, currency, cost_kind, line)
