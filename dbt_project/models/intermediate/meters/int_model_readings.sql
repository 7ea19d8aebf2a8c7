{#-
  What each meter says of a model on a day, under its canonical id. What a pool says that it only
  divides by (queries of a database) is no inference of a model. Traffic that a gateway relays is
  counted by the vendor, too: where both agree within a hundredth on tokens of one of the vendor's
  models on half of the days that they share, it is one traffic, and the vendor's count is taken.
-#}
{%- set tokens = ['input_tokens', 'output_tokens'] -%}
{%- set keys = ['model_id', 'vendor_model', 'metered_date'] -%}
with readings as (
    select
        usage_rows.source,
        coalesce(usage_rows.is_counted_by_vendor, false) as is_counted_by_vendor,
        coalesce(aliases.model_id, usage_rows.model_id) as model_id,
        names.model_key as vendor_model,
        cast(usage_rows.period_start as date) as metered_date,
        {{ last_day_of_reading('usage_rows.period_start', 'usage_rows.period_end') }} as last_metered_date,
        usage_rows.requests,
        usage_rows.successful_requests,
        usage_rows.input_tokens,
        usage_rows.cached_input_tokens,
        usage_rows.cache_write_input_tokens as cache_write_tokens,
        usage_rows.output_tokens
    from {{ ref('int_model_usage') }} as usage_rows
    left join {{ source('control', 'catalog_model_aliases') }} as aliases on usage_rows.model_id = aliases.alias
    left join {{ ref('int_model_names') }} as names on usage_rows.provider_model = names.model_text
    left join {{ source('control', 'pools') }} as pools on usage_rows.pool_id = pools.pool_id
    where not coalesce(pools.allocates_only, false)
),

counted_by_both as (
    select
        {{ keys | join(', ') }},
        {% for column in tokens -%}
        sum(case when is_counted_by_vendor then {{ column }} end) as vendor_{{ column }},
        sum(case when not is_counted_by_vendor then {{ column }} end) as gateway_{{ column }},
        {% endfor -%}
        count(case when is_counted_by_vendor then requests end) > 0 as has_vendor_requests
    from readings
    where model_id is not null and vendor_model is not null
    group by {{ keys | join(', ') }}
    having
        sum(case when is_counted_by_vendor then input_tokens end) > 0
        and sum(case when not is_counted_by_vendor then input_tokens end) > 0
),

relayed as (
    select
        model_id,
        vendor_model,
        {{ month_label('metered_date') }} as metered_month
    from counted_by_both
    group by model_id, vendor_model, {{ month_label('metered_date') }}
    having
        2 * count(
            case
                when
                    {% for column in tokens -%}
                    abs(gateway_{{ column }} - vendor_{{ column }}) * 100 <= vendor_{{ column }}
                    {{ "and" if not loop.last }}
                    {% endfor -%}
                    then 1
            end
        ) >= count(*)
)

select
    readings.source,
    readings.is_counted_by_vendor,
    readings.model_id,
    readings.metered_date,
    readings.last_metered_date,
    {% for column in ['requests', 'successful_requests'] -%}
    case when relayed.model_id is null or not days.has_vendor_requests then readings.{{ column }} end as {{ column }},
    {% endfor -%}
    {% for column in ['input_tokens', 'cached_input_tokens', 'cache_write_tokens'] -%}
    case when relayed.model_id is null then readings.{{ column }} end as {{ column }},
    {% endfor -%}
    case when relayed.model_id is null then readings.output_tokens end as output_tokens
from readings
left join counted_by_both as days
    on
        readings.model_id = days.model_id
        and readings.vendor_model = days.vendor_model
        and readings.metered_date = days.metered_date
        and not readings.is_counted_by_vendor
left join relayed
    on
        days.model_id = relayed.model_id
        and days.vendor_model = relayed.vendor_model
        and {{ month_label('days.metered_date') }} = relayed.metered_month
