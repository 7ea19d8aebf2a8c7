{#- Money of pools that stays unallocated, by the reason why no reading divides it. -#}
with unallocated as (
    select * from {{ ref('int_pool_costs_unallocated') }}
)

select
    billing_month,
    source,
    pool_id,
    driver,
    reason,
    currency,
    {{ to_money('sum(billed_cost)') }} as billed_cost,
    {{ to_money('sum(effective_cost)') }} as effective_cost,
    cast(count(distinct metered_interval_started_at) as bigint) as interval_count,
    min(charge_date) as first_charge_date,
    max(charge_date) as last_charge_date,
    case reason
        when 'undeclared_pool'
            then 'allocation.yml sends money to this pool but does not declare it.'
        when 'no_reading'
            then 'No reading of the driver falls into the hour or day of these charges.'
        when 'no_reading_of_kind'
            then 'The meter read this pool, and nothing of the kind that these charges are for: see charged_kind.'
        when 'all_readings_zero'
            then 'Every reading of the driver is zero, which divides nothing.'
        when 'unmapped_workload'
            then 'The meter saw workloads that no mapping rule turns into a model.'
    end as explanation
from unallocated
group by billing_month, source, pool_id, driver, reason, currency
