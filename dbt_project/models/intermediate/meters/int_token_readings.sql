{#-
  Tokens, and what else model APIs count, one row for each kind: whose they are, of which
  of the vendor's models, and how many. Input of which nobody knows what was read from a
  cache is whole_input, output of which nobody knows how much was reasoning whole_output.
  Cached tokens that exceed the input are no part of it.
-#}
{%- set parts = token_parts() %}
with usage as (
    select
        usage_rows.*,
        coalesce(aliases.model_id, usage_rows.model_id) as canonical_model_id,
        names.model_key as vendor_model,
        names.model_date as vendor_model_date,
        case
            when usage_rows.service_tier is null then '?'
            else {{ token_tier('lower(usage_rows.service_tier)') }}
        end as tier,
        usage_rows.cached_input_tokens is not null or usage_rows.cache_write_input_tokens is not null
            as knows_cache,
        {{ to_addend('coalesce(usage_rows.cached_input_tokens, 0)') }}
        + {{ to_addend('coalesce(usage_rows.cache_write_input_tokens, 0)') }} as cached_and_written_tokens,
        {{ to_addend('coalesce(usage_rows.audio_input_tokens, 0)') }}
        + {{ to_addend('coalesce(usage_rows.image_input_tokens, 0)') }} as other_input_tokens,
        {{ to_addend('coalesce(usage_rows.audio_output_tokens, 0)') }}
        + {{ to_addend('coalesce(usage_rows.image_output_tokens, 0)') }} as other_output_tokens
    from {{ ref('int_model_usage') }} as usage_rows
    left join {{ source('control', 'catalog_model_aliases') }} as aliases
        on usage_rows.model_id = aliases.alias
    left join {{ ref('int_model_names') }} as names
        on usage_rows.provider_model = names.model_text
),

kinds as (
    {% for kind in parts -%}
    select '{{ kind }}' as kind
    {{ "union all" if not loop.last }}
    {% endfor %}
),

counted as (
    select
        usage.*,
        kinds.kind,
        case kinds.kind
            {%- for kind, quantity in parts.items() %}
            when '{{ kind }}' then {{ to_weight(quantity) }}
            {%- endfor %}
        end as kind_quantity
    from usage
    cross join kinds
),

others as (
    select
        usage.*,
        case usage.usage_kind
            {%- for report, kind in quantity_kinds().items() %}
            when '{{ report }}' then '{{ kind }}'
            {%- endfor %}
        end as kind,
        {{ to_weight('usage.quantity') }} as counted_quantity
    from usage
    where usage.quantity is not null
)

select
    pool_id,
    canonical_model_id as model_id,
    period_start as metered_at,
    {{ packed_kind('kind', 'vendor_model', 'vendor_model_date', 'tier') }} as metered_kind,
    kind_quantity as weight
from counted
where kind_quantity > 0 or (kind_quantity = 0 and kind in ('input', 'whole_input', 'output', 'whole_output'))
union all
select
    pool_id,
    canonical_model_id as model_id,
    period_start as metered_at,
    {{ packed_kind('kind', 'vendor_model', 'vendor_model_date', 'tier') }} as metered_kind,
    counted_quantity as weight
from others
where kind is not null
