{#- What each model served and consumed, as every meter says it. -#}
{% for meter in model_usage_meters() -%}
select
    m.source,
    {{ (meter in model_usage_meters_of_bills()) | lower }} as is_counted_by_vendor,
    m.model_id,
    m.pool_id,
    m.platform_id,
    m.requests,
    m.successful_requests,
    m.input_tokens,
    m.cached_input_tokens,
    m.output_tokens,
    m.provider_model,
    m.service_tier,
    m.usage_kind,
    m.quantity,
    m.cache_write_input_tokens,
    m.cache_write_1h_input_tokens,
    m.audio_input_tokens,
    m.image_input_tokens,
    m.reasoning_tokens,
    m.audio_output_tokens,
    m.image_output_tokens,
    m.accelerator_type,
    m.gpu_hours,
    m.cpu_core_hours,
    m.memory_gibibyte_hours,
    m.period_start,
    m.period_end
from {{ ref(meter) }} as m
{{ "union all" if not loop.last }}
{% endfor %}
