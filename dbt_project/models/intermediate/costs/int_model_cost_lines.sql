{#-
  Effective cost of each model by day, once for each quantity that it is divided by: the fully
  loaded cost by requests, the cost of tokens by tokens, and its shares of GPU pools by GPU
  hours. What recurs or is of more than a day is a fee of the month; so are a line that comes once a
  month and one dated in another month.
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
        is_fee,
        effective_cost
    from {{ ref('int_costs_by_component') }}
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
        is_fee,
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
        metered_interval = 'month' as is_fee,
        effective_cost
    from {{ ref('int_pool_costs_allocated') }}
    where driver = 'gpu_hours' and participant_id not in ('__idle__', '__unallocated__')
),

-- Of a day, a line has many pools, stages and origins.
daily_lines as (
    select
        billing_month,
        charge_date,
        model_id,
        currency,
        line,
        cost_kind,
        meter,
        is_fee,
        sum(effective_cost) as effective_cost
    from lines
    group by billing_month, charge_date, model_id, currency, line, cost_kind, meter, is_fee
),

dated_lines as (
    select
        *,
        not is_fee
        and {{ month_label('charge_date') }} = billing_month
        and min(charge_date) over same_line <> max(charge_date) over same_line as is_daily
    from daily_lines
    window same_line as (partition by billing_month, model_id, currency, cost_kind, is_fee, line)
)

select
    billing_month,
    charge_date,
    model_id,
    currency,
    cost_kind,
    meter,
    is_daily,
    {{ to_money('sum(effective_cost)') }} as effective_cost
from dated_lines
group by billing_month, charge_date, model_id, currency, cost_kind, meter, is_daily
