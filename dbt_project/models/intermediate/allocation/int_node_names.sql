{#- The name in its cluster of a node that a bill knows by an id. -#}
select
    readings.provider_id,
    min(readings.node_name) as node_id
from {{ ref('int_node_usage') }} as readings
where readings.provider_id is not null and readings.node_name is not null
group by readings.provider_id
