{#- What meters say of the nodes of Kubernetes and ECS clusters, as every meter says it. -#}
{% for meter in node_usage_meters() -%}
select
    m.source,
    m.cluster,
    m.node_name,
    m.provider_id,
    m.pool_id,
    m.is_idle,
    m.capacity_gpu_hours,
    m.requested_gpu_hours,
    m.used_gpu_hours,
    m.capacity_cpu_core_hours,
    m.requested_cpu_core_hours,
    m.used_cpu_core_hours,
    m.period_start
from {{ ref(meter) }} as m
{{ "union all" if not loop.last }}
{% endfor %}
