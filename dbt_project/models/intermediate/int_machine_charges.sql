{#-
  What bills charge in a month for each machine, and the pool that a rule sends it into.
  A machine is told by the form of its id, or by what a FOCUS bill calls the resource.
  It reads the line items of a month once more, but only those of machines.
-#}
{{ config(
    materialized='incremental',
    schema=schema_of_kept_months(),
    incremental_strategy=replace_months_strategy(),
    unique_key='billing_month',
    partition_by=['billing_month'],
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}

with machines as (
    select
        assigned.*,
        {{ instance_id('assigned.resource_id') }} as machine_id
    from {{ ref('int_charges_assigned') }} as assigned
    where
        (
            assigned.resource_id like 'i-%'
            or assigned.resource_id like '%:instance/%'
            or assigned.resource_id like '%/instances/%'
            or assigned.resource_id like 'ocid1.instance.%'
            or lower(assigned.resource_id) like '%/virtualmachine%'
            or lower(assigned.resource_type) like '%instance%'
            or lower(assigned.resource_type) like '%virtual machine%'
        )
        and {{ in_months_to_build('assigned.billing_period_start') }}
)

select
    {{ month_label('machines.billing_period_start') }} as billing_month,
    machines.machine_id,
    machines.source,
    machines.service_name,
    case when machines.target_kind = 'pool' then machines.target end as pool_id,
    upper(machines.billing_currency) as billing_currency,
    {{ to_exact_money('sum(machines.billed_cost)') }} as billed_cost,
    {{ to_exact_money('sum(machines.effective_cost)') }} as effective_cost
from machines
where machines.machine_id is not null
group by
    {{ month_label('machines.billing_period_start') }},
    machines.machine_id,
    machines.source,
    machines.service_name,
    case when machines.target_kind = 'pool' then machines.target end,
    upper(machines.billing_currency)
