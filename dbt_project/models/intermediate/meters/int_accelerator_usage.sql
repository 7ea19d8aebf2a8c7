{#- What accelerators were there, requested and used, as every meter says it. -#}
{% for meter in accelerator_usage_meters() -%}
select
    m.source,
    m.pool_id,
    m.model_id,
    m.cluster,
    m.node_id,
    m.accelerator_type,
    m.purchase_option,
    m.capacity_gpu_hours,
    m.requested_gpu_hours,
    m.used_gpu_hours,
    m.period_start
from {{ ref(meter) }} as m
{{ "union all" if not loop.last }}
{% endfor %}
