{#-
  Requests and tokens of spans by model, day, agent, task, attempt and step. Two sources that see
  the same requests do not add up: of each quantity the greatest count is taken.
-#}
{%- set quantities = [
    'requests', 'input_tokens', 'cached_input_tokens', 'cache_write_input_tokens', 'output_tokens',
] -%}
{%- set keys = ['model_id', 'metered_date', 'agent', 'task_id', 'attempt_id', 'task_step'] -%}
with by_source as (
    select
        coalesce(aliases.model_id, spans.model_id) as model_id,
        spans.usage_date as metered_date,
        coalesce(spans.agent, spans.feature_tag) as agent,
        spans.task_id,
        spans.attempt_id,
        spans.task_step,
        {% for quantity in quantities -%}
        {{ to_weight('coalesce(sum(spans.' ~ quantity ~ '), 0)') }} as {{ quantity }},
        {% endfor -%}
        spans.source
    from {{ ref('stg_llm_usage') }} as spans
    left join {{ source('control', 'catalog_model_aliases') }} as aliases on spans.model_id = aliases.alias
    where spans.seen_requests is not null and spans.model_id is not null and spans.requests > 0
    group by
        coalesce(aliases.model_id, spans.model_id), spans.usage_date, coalesce(spans.agent, spans.feature_tag),
        spans.task_id, spans.attempt_id, spans.task_step, spans.source
)

select
    {% for quantity in quantities -%}
    max({{ quantity }}) as {{ quantity }},
    {% endfor -%}
    {{ keys | join(',\n    ') }}
from by_source
group by {{ keys | join(', ') }}
