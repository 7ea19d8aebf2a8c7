{#- The name in its cluster of a node that a bill knows by an id. -#}
select
    allocations.provider_id,
    min(allocations.node) as node_id
from {{ ref('stg_opencost__allocations') }} as allocations
where allocations.provider_id is not null and allocations.node is not null
group by allocations.provider_id
