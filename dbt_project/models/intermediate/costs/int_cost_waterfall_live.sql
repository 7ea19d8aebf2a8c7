{#-
  From the ledger to its parts. The ledger is summed before anything is divided, the
  steps after it: that they agree is tested, not assumed.
-#}
with steps as (
    select
        billing_month,
        source,
        currency,
        component as step,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('int_daily_model_costs_live') }}
    group by billing_month, source, currency, component
    union all
    select
        billing_month,
        source,
        currency,
        'out_of_scope' as step,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('int_charges_owned') }}
    where component = 'out_of_scope'
    group by billing_month, source, currency
    union all
    select
        billing_month,
        source,
        currency,
        'ledger' as step,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('int_charge_amounts') }}
    group by billing_month, source, currency
)

select
    billing_month,
    source,
    currency,
    step,
    case step
        when 'ledger' then 0
        when 'out_of_scope' then 1
        when 'tax' then 2
        when 'credit' then 3
        when 'direct' then 4
        when 'shared' then 5
        when 'idle' then 6
        when 'unused_commitment' then 7
        when 'overhead' then 8
        when 'unallocated' then 9
        when 'remainder' then 10
    end as step_order,
    {{ to_money('billed_cost') }} as billed_cost,
    {{ to_money('effective_cost') }} as effective_cost
from steps
