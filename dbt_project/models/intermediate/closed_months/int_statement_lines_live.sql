{#-
  What cost centres owe for a month: its charges, and what is booked with it about closed
  months. Infrastructure idle is owed by the payer of its pool. Months that were closed
  without lines keep the statements that were sent; what was booked with them is on the
  next statements.
-#}
{%- set line = ['team_id', 'cost_center', 'model_id', 'component', 'pool_id', 'platform_id', 'currency'] -%}
with locks as (
    select * from {{ source('control', 'period_locks') }}
),

closed_without_lines as (
    select locks.billing_month
    from locks
    left join {{ source('control', 'period_lock_marts') }} as kept
        on locks.billing_month = kept.billing_month and kept.mart_name = 'mart_statement_lines'
    where kept.billing_month is null
),

next_statements as (
    select {{ next_month('closed.billing_month') }} as billing_month
    from closed_without_lines as closed
    left join closed_without_lines as following
        on {{ next_month('closed.billing_month') }} = following.billing_month
    where following.billing_month is null
),

deferred as (
    select
        closed.billing_month as booked_month,
        min(next_statements.billing_month) as billing_month
    from closed_without_lines as closed
    inner join next_statements on closed.billing_month < next_statements.billing_month
    group by closed.billing_month
),

payers as (
    select
        pools.pool_id,
        pools.team_id,
        coalesce(pools.idle_payer, teams.cost_center) as cost_center
    from {{ source('control', 'pools') }} as pools
    left join {{ source('control', 'catalog_teams') }} as teams on pools.team_id = teams.team_id
),

owed as (
    select
        costs.billing_month,
        costs.billing_month as about_month,
        'charge' as kind,
        closed_without_lines.billing_month is null as has_payers,
        {{ 'costs.' ~ line | join(', costs.') }},
        costs.is_estimated,
        costs.billed_cost,
        costs.effective_cost
    from {{ ref('fct_daily_model_costs') }} as costs
    left join closed_without_lines on costs.billing_month = closed_without_lines.billing_month
    union all
    select
        coalesce(deferred.billing_month, items.booked_month) as billing_month,
        items.locked_month as about_month,
        'adjustment' as kind,
        true as has_payers,
        {{ 'items.' ~ line | join(', items.') }},
        false as is_estimated,
        items.billed_cost,
        items.effective_cost
    from {{ ref('mart_period_adjustments') }} as items
    left join deferred on items.booked_month = deferred.booked_month
    where {{ is_booked_item('items') }} and items.component <> 'out_of_scope'
),

paid as (
    select
        owed.*,
        case when owed.component = 'idle' and owed.model_id is null and owed.has_payers then payers.team_id end
            as payer_team_id,
        case when owed.component = 'idle' and owed.model_id is null and owed.has_payers then payers.cost_center end
            as payer_cost_center
    from owed
    left join payers on owed.pool_id = payers.pool_id
)

select
    billing_month,
    about_month,
    kind,
    coalesce(cost_center, payer_cost_center) as cost_center,
    coalesce(team_id, payer_team_id) as team_id,
    model_id,
    component,
    case when component = 'idle' then pool_id end as pool_id,
    platform_id,
    currency,
    {{ to_money('sum(billed_cost)') }} as billed_cost,
    {{ to_money('sum(effective_cost)') }} as effective_cost,
    max(case when is_estimated then 1 else 0 end) = 1 as is_estimated
from paid
group by
    billing_month,
    about_month,
    kind,
    coalesce(cost_center, payer_cost_center),
    coalesce(team_id, payer_team_id),
    model_id,
    component,
    case when component = 'idle' then pool_id end,
    platform_id,
    currency
