{#-
  What bills charge in a month for each node that a meter names, wherever a rule sends it,
  and for every other machine in a pool of which meters name nodes in that month; in the
  reporting currency where a rate exists.
-#}
with run as (
    select * from {{ source('control', 'run') }}
),

machines as (
    select * from {{ ref('int_machine_charges') }}
),

meters as (
    select * from {{ ref('int_node_meters') }}
),

metered_nodes as (
    select distinct
        meters.billing_month,
        meters.provider_id
    from meters
),

metered_pools as (
    select distinct
        meters.billing_month,
        meters.pool_id
    from meters
),

nodes as (
    select
        machines.billing_month,
        machines.machine_id
    from machines
    inner join metered_nodes
        on machines.billing_month = metered_nodes.billing_month and machines.machine_id = metered_nodes.provider_id
    union
    select
        machines.billing_month,
        machines.machine_id
    from machines
    inner join metered_pools
        on machines.billing_month = metered_pools.billing_month and machines.pool_id = metered_pools.pool_id
),

-- Most machines are no nodes of a meter: what is none is not converted.
charges as (
    select
        machines.billing_month,
        machines.machine_id,
        machines.source,
        machines.service_name,
        machines.pool_id,
        coalesce(rates.to_currency, machines.billing_currency) as currency,
        {{ converted_money('machines.billed_cost') }} as billed_cost,
        {{ converted_money('machines.effective_cost') }} as effective_cost
    from machines
    inner join nodes
        on machines.billing_month = nodes.billing_month and machines.machine_id = nodes.machine_id
    cross join run
    left join {{ ref('int_exchange_rates_by_month') }} as rates
        on
            machines.billing_month = rates.billing_month
            and machines.billing_currency = rates.from_currency
            and run.currency = rates.to_currency
)

select
    charges.billing_month,
    charges.machine_id as node_id,
    charges.currency,
    {{ distinct_texts('charges.source') }} as bills,
    {{ distinct_texts('charges.service_name') }} as service_names,
    {{ distinct_texts('charges.pool_id') }} as pool_ids,
    sum(charges.billed_cost) as billed_cost,
    sum(charges.effective_cost) as effective_cost
from charges
group by charges.billing_month, charges.machine_id, charges.currency
