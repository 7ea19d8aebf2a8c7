with owned as (
    select * from {{ ref('int_charges_owned') }}
    where component = 'unallocated'
)

select
    billing_month,
    source,
    provider,
    unallocated_service_name as service_name,
    unallocated_resource_type as resource_type,
    currency,
    {{ to_money('sum(billed_cost)') }} as billed_cost,
    {{ to_money('sum(effective_cost)') }} as effective_cost,
    cast(sum(line_item_count) as bigint) as row_count,
    '- {name: ' || {{ yaml_text('coalesce(unallocated_service_name, source)') }}
    || ', match: {source: ' || {{ yaml_text('source') }}
    || coalesce(', service_name: ' || {{ yaml_text('unallocated_service_name') }}, '')
    || '}, model: MODEL-ID}' as suggested_rule
from owned
group by
    billing_month, source, provider, unallocated_service_name, unallocated_resource_type, currency
