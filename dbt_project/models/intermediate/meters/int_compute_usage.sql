{#- What processors and memory were there, requested and used, as every meter says it. -#}
{% for meter in compute_usage_meters() -%}
select
    m.source,
    m.pool_id,
    m.model_id,
    m.cluster,
    m.node_id,
    m.capacity_cpu_core_hours,
    m.capacity_memory_gibibyte_hours,
    m.requested_cpu_core_hours,
    m.requested_memory_gibibyte_hours,
    m.used_cpu_core_hours,
    m.used_memory_gibibyte_hours,
    m.period_start
from {{ ref(meter) }} as m
{{ "union all" if not loop.last }}
{% endfor %}
