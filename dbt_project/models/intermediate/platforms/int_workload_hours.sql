{#-
  What each model was asked for in the last three whole months, by platform, meter and
  hour: what profiles of workloads are made of. A meter names its platform itself, else the
  catalogue places the model. Readings of more than a day say nothing of a peak, and those
  that only divide a pool (queries of a database) nothing of what a model was asked for.
-#}
with readings as (
    select
        usage_rows.source,
        coalesce(aliases.model_id, usage_rows.model_id) as model_id,
        usage_rows.platform_id,
        usage_rows.period_start,
        usage_rows.requests,
        usage_rows.input_tokens,
        usage_rows.successful_requests is not null or usage_rows.input_tokens is not null as counts_answers,
        case
            when usage_rows.input_tokens is not null or usage_rows.output_tokens is not null
                then coalesce(usage_rows.input_tokens, 0) + coalesce(usage_rows.output_tokens, 0)
        end as tokens,
        case
            when usage_rows.service_tier is null then '?'
            else {{ token_tier('lower(usage_rows.service_tier)') }}
        end as tier
    from {{ ref('int_model_usage') }} as usage_rows
    cross join {{ ref('int_workload_span') }} as span
    left join {{ source('control', 'catalog_model_aliases') }} as aliases on usage_rows.model_id = aliases.alias
    left join {{ source('control', 'pools') }} as pools on usage_rows.pool_id = pools.pool_id
    where
        usage_rows.model_id is not null
        and not coalesce(pools.allocates_only, false)
        and usage_rows.period_start >= span.starts_at
        and usage_rows.period_start < span.ends_at
        and (
            usage_rows.period_end is null
            or not {{ is_longer_than_a_day('usage_rows.period_start', 'usage_rows.period_end') }}
        )
)

select
    readings.model_id,
    coalesce(readings.platform_id, placements.platform_id) as platform_id,
    readings.source,
    {{ interval_start('hour', 'readings.period_start') }} as hour_started_at,
    max(case when readings.counts_answers then 1 else 0 end) as counts_answers,
    {{ to_weight('sum(readings.requests)') }} as requests,
    {{ to_weight('sum(readings.tokens)') }} as tokens,
    {{ to_weight('sum(case when readings.requests is not null then readings.input_tokens end)') }}
        as input_tokens_of_requests,
    {{ to_weight('sum(case when readings.input_tokens is not null then readings.requests end)') }}
        as requests_with_input_tokens,
    {{ to_weight("sum(case when readings.tier <> '?' then readings.tokens end)") }} as tokens_of_known_tier,
    {{ to_weight("sum(case when readings.tier = 'batch' then readings.tokens end)") }} as batch_tokens
from readings
left join {{ source('control', 'platform_placements') }} as placements
    on
        readings.model_id = placements.model_id
        and placements.stage = 'serving'
        and {{ is_valid_on('placements', 'cast(readings.period_start as date)') }}
where readings.requests is not null or readings.tokens is not null
group by
    readings.model_id, coalesce(readings.platform_id, placements.platform_id), readings.source,
    {{ interval_start('hour', 'readings.period_start') }}
