with allocated as (
    select
        *,
        participant_id = '__idle__' as is_idle,
        participant_id = '__unallocated__' as is_unallocated
    from {{ ref('int_pool_costs_allocated') }}
)

select
    charge_date,
    billing_month,
    source,
    pool_id,
    driver,
    currency,
    {{ to_money('sum(billed_cost)') }} as pool_billed_cost,
    {{ to_money('sum(effective_cost)') }} as pool_effective_cost,
    {{ to_money('sum(case when not is_idle and not is_unallocated then billed_cost else 0 end)') }}
        as allocated_billed_cost,
    {{ to_money('sum(case when not is_idle and not is_unallocated then effective_cost else 0 end)') }}
        as allocated_effective_cost,
    {{ to_money('sum(requested_idle_billed_cost)') }} as requested_idle_billed_cost,
    {{ to_money('sum(requested_idle_effective_cost)') }} as requested_idle_effective_cost,
    {{ to_money('sum(case when is_idle then billed_cost else 0 end)') }} as infrastructure_idle_billed_cost,
    {{ to_money('sum(case when is_idle then effective_cost else 0 end)') }} as infrastructure_idle_effective_cost,
    {{ to_money('sum(case when is_unallocated then billed_cost else 0 end)') }} as remainder_billed_cost,
    {{ to_money('sum(case when is_unallocated then effective_cost else 0 end)') }} as remainder_effective_cost
from allocated
group by charge_date, billing_month, source, pool_id, driver, currency
