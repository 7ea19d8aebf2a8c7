{#-
  AI cost of models with spans, divided exactly: by attempt, requests without a task, idle and not
  metered. The amount is that of the ledger; spans give shares of it and nothing else.
-#}
{%- set origin = [
    'billing_month', 'charge_date', 'model_id', 'feature_id', 'team_id', 'cost_center', 'currency', 'is_idle',
] -%}
with costs as (
    select
        billing_month,
        charge_date,
        model_id,
        feature_id,
        team_id,
        cost_center,
        currency,
        component in ('idle', 'unused_commitment') as is_idle,
        {{ to_money('sum(billed_cost)') }} as billed_cost,
        {{ to_money('sum(effective_cost)') }} as effective_cost
    from {{ ref('fct_daily_model_costs') }}
    where is_ai_cost and model_id is not null
    group by {{ origin[:-1] | join(', ') }}, component in ('idle', 'unused_commitment')
),

metered as (
    select distinct
        model_id,
        {{ month_label('metered_date') }} as billing_month
    from {{ ref('int_task_readings') }}
),

divided as (
    select
        costs.*,
        shares.agent,
        shares.task_id,
        shares.attempt_id,
        shares.task_step,
        coalesce(shares.is_metered, false) as is_metered,
        coalesce(shares.share, cast(1 as decimal(15, 14))) as share,
        coalesce(shares.agent, '') || ' ' || coalesce(shares.task_id, '') || ' ' || coalesce(shares.attempt_id, '')
        || ' ' || coalesce(shares.task_step, '') as part_id
    from costs
    inner join metered on costs.model_id = metered.model_id and costs.billing_month = metered.billing_month
    left join {{ ref('int_task_shares') }} as shares
        on
            costs.model_id = shares.model_id
            and costs.charge_date = shares.metered_date
            and costs.currency = shares.currency
            and not costs.is_idle
)

select
    {{ origin | join(',\n    ') }},
    agent,
    task_id,
    attempt_id,
    task_step,
    is_metered,
    {{ allocate_exactly('billed_cost', 'share', origin, 'part_id') }} as billed_cost,
    {{ allocate_exactly('effective_cost', 'share', origin, 'part_id') }} as effective_cost
from divided
