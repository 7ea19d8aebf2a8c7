{#-
  What went into each pool and what came out of it. Where models divide a line of which
  nobody knows the capacity, nobody knows how much of it was idle.
-#}
with allocated as (
    select
        *,
        participant_id = '__idle__' as is_idle,
        participant_id = '__unallocated__' as is_unallocated,
        driver in ('gpu_hours', 'cpu_memory_hours') as has_capacity,
        participant_id not in ('__idle__', '__unallocated__')
        and driver in ('gpu_hours', 'cpu_memory_hours')
        and not coalesce(is_capacity_known, false) as is_of_unknown_capacity
    from {{ ref('int_pool_costs_allocated') }}
),

summed as (
    select
        charge_date,
        billing_month,
        source,
        pool_id,
        driver,
        currency,
        {% for basis in ['billed_cost', 'effective_cost'] -%}
        {{ to_money('sum(' ~ basis ~ ')') }} as pool_{{ basis }},
        {{ to_money('sum(case when not is_idle and not is_unallocated then ' ~ basis ~ ' else 0 end)') }}
            as allocated_{{ basis }},
        {{ to_money('sum(requested_idle_' ~ basis ~ ')') }} as requested_idle_{{ basis }},
        {{ to_money('sum(case when is_idle then ' ~ basis ~ ' else 0 end)') }} as infrastructure_idle_{{ basis }},
        {{ to_money('sum(case when is_of_unknown_capacity then ' ~ basis ~ ' else 0 end)') }}
            as capacity_unknown_{{ basis }},
        {{ to_money('sum(case when is_unallocated then ' ~ basis ~ ' else 0 end)') }} as remainder_{{ basis }},
        {% endfor -%}
        max(case when is_of_unknown_capacity then 1 else 0 end) = 1 as lacks_a_capacity,
        max(case when has_capacity and is_capacity_known then 1 else 0 end) = 1 as knows_a_capacity
    from allocated
    group by charge_date, billing_month, source, pool_id, driver, currency
)

select
    charge_date,
    billing_month,
    source,
    pool_id,
    driver,
    currency,
    {% for basis in ['billed_cost', 'effective_cost'] -%}
    pool_{{ basis }},
    allocated_{{ basis }},
    requested_idle_{{ basis }},
    case when knows_a_capacity or not lacks_a_capacity then infrastructure_idle_{{ basis }} end
        as infrastructure_idle_{{ basis }},
    capacity_unknown_{{ basis }},
    remainder_{{ basis }},
    {% endfor -%}
    case
        when lacks_a_capacity and knows_a_capacity then 'at_least'
        when lacks_a_capacity then 'unknown'
        when knows_a_capacity then 'known'
        else 'not_applicable'
    end as idle_state
from summed
