{#- What each model served and consumed, as every meter says it. -#}
{% for meter in model_usage_meters() -%}
select
    m.source,
    m.model_id,
    m.pool_id,
    m.platform_id,
    m.requests,
    m.successful_requests,
    m.input_tokens,
    m.cached_input_tokens,
    m.output_tokens,
    m.gpu_hours,
    m.cpu_core_hours,
    m.memory_gibibyte_hours,
    m.period_start,
    m.period_end
from {{ ref(meter) }} as m
{{ "union all" if not loop.last }}
{% endfor %}
