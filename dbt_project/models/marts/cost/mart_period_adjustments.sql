{#-
  What came to light about a closed month after it was closed, item by item, and the
  open month that it is booked in. Items in the ledger of that month are in its figures
  already; the others are in no other mart.
-#}
with locks as (
    select * from {{ source('control', 'period_locks') }}
),

open_months as (
    select {{ next_month('locks.billing_month') }} as billing_month
    from locks
    left join locks as following on {{ next_month('locks.billing_month') }} = following.billing_month
    where following.billing_month is null
),

booked as (
    select
        locks.billing_month as locked_month,
        locks.lock_id,
        min(open_months.billing_month) as booked_month
    from locks
    inner join open_months on locks.billing_month < open_months.billing_month
    group by locks.billing_month, locks.lock_id
),

moved_currencies as (
    select
        locked.lock_id,
        min({{ currency_since_close('locked.currency', 'run.currency') }}) as explanation
    from {{ ref('stg_closed_months__cost_waterfall') }} as locked
    cross join {{ source('control', 'run') }} as run
    where locked.step = 'ledger' and locked.currency <> run.currency
    group by locked.lock_id
),

restated as (
    select
        booked.locked_month,
        booked.booked_month,
        booked.lock_id,
        case
            when moved_currencies.lock_id is not null then 'currency_change'
            when restated.source is not null and compared.component = 'credit' then 'late_credit'
            when restated.source is not null then 'restated_export'
            when reconverted.source is not null then 'exchange_rate'
            else 'rule_change'
        end as kind,
        compared.source,
        compared.charge_date,
        compared.provider,
        compared.platform_id,
        compared.model_id,
        compared.feature_id,
        compared.team_id,
        compared.cost_center,
        compared.lifecycle_stage,
        compared.component,
        compared.pool_id,
        compared.currency,
        compared.locked_billed_cost,
        compared.locked_effective_cost,
        compared.billed_cost,
        compared.effective_cost,
        false as is_in_ledger_of_booked_month,
        moved_currencies.explanation
    from {{ ref('int_closed_months_compared') }} as compared
    inner join booked on compared.billing_month = booked.locked_month
    left join {{ ref('int_closed_months_restated') }} as restated
        on compared.billing_month = restated.billing_month and compared.source = restated.source
    left join moved_currencies on booked.lock_id = moved_currencies.lock_id
    left join {{ ref('int_closed_months_reconverted') }} as reconverted
        on compared.billing_month = reconverted.billing_month and compared.source = reconverted.source
),

billed_later as (
    select
        booked.locked_month,
        costs.billing_month as booked_month,
        booked.lock_id,
        case when costs.component = 'credit' then 'late_credit' else 'correction' end as kind,
        costs.source,
        costs.charge_date,
        costs.provider,
        costs.platform_id,
        costs.model_id,
        costs.feature_id,
        costs.team_id,
        costs.cost_center,
        costs.lifecycle_stage,
        costs.component,
        costs.pool_id,
        costs.currency,
        cast(0 as decimal(28, 10)) as locked_billed_cost,
        cast(0 as decimal(28, 10)) as locked_effective_cost,
        {{ to_money('sum(costs.billed_cost)') }} as billed_cost,
        {{ to_money('sum(costs.effective_cost)') }} as effective_cost,
        true as is_in_ledger_of_booked_month,
        cast(null as string) as explanation
    from {{ ref('fct_daily_model_costs') }} as costs
    inner join booked on {{ month_label('costs.charge_date') }} = booked.locked_month
    where costs.billing_month > booked.locked_month and costs.component <> 'remainder'
    group by
        booked.locked_month, costs.billing_month, booked.lock_id, costs.source, costs.charge_date, costs.provider,
        costs.platform_id, costs.model_id, costs.feature_id, costs.team_id, costs.cost_center,
        costs.lifecycle_stage, costs.component, costs.pool_id, costs.currency
),

items as (
    select * from restated
    union all
    select * from billed_later
),

netted as (
    select
        items.*,
        not items.is_in_ledger_of_booked_month
        and sum(items.billed_cost) over (
            partition by items.locked_month, items.source, items.currency, items.is_in_ledger_of_booked_month
        ) = 0
        and sum(items.effective_cost) over (
            partition by items.locked_month, items.source, items.currency, items.is_in_ledger_of_booked_month
        ) = 0 as nets_to_zero
    from items
)

select
    locked_month,
    booked_month,
    lock_id,
    kind,
    source,
    charge_date,
    provider,
    platform_id,
    model_id,
    feature_id,
    team_id,
    cost_center,
    lifecycle_stage,
    component,
    pool_id,
    currency,
    billed_cost,
    effective_cost,
    locked_billed_cost,
    locked_effective_cost,
    {{ to_money('locked_billed_cost + billed_cost') }} as current_billed_cost,
    {{ to_money('locked_effective_cost + effective_cost') }} as current_effective_cost,
    is_in_ledger_of_booked_month,
    nets_to_zero,
    case
        when explanation is not null then explanation
        when is_in_ledger_of_booked_month and kind = 'late_credit'
            then 'A credit for a day of the closed month, on the bill of ' || booked_month || '.'
        when is_in_ledger_of_booked_month
            then 'A charge or correction for a day of the closed month, on the bill of ' || booked_month || '.'
        when kind = 'late_credit'
            then 'A credit on a bill of the closed month that was delivered again after the close.'
        when kind = 'restated_export'
            then 'The bill of the closed month was delivered again after the close.'
        when kind = 'exchange_rate'
            then 'An exchange rate of the closed month was changed after the close.'
        when nets_to_zero
            then 'Money moved between owners when rules, catalogue or meters changed: these items add up to zero.'
        else 'Rules, catalogue or meters changed after the close.'
    end as explanation
from netted
