{#-
  What each model served on each day, under its canonical id: summed once, since what
  meters say is read from evidence, and made distinct, whenever it is asked for. What a
  pool says that it only divides by (queries of a database) is no inference of a model.
-#}
select
    coalesce(aliases.model_id, usage_rows.model_id) as model_id,
    cast(usage_rows.period_start as date) as metered_date,
    max({{ last_day_of_reading('usage_rows.period_start', 'usage_rows.period_end') }}) as last_metered_date,
    sum(usage_rows.requests) as requests,
    sum(usage_rows.successful_requests) as successful_requests,
    sum(usage_rows.input_tokens) as input_tokens,
    sum(usage_rows.cached_input_tokens) as cached_input_tokens,
    sum(usage_rows.cache_write_input_tokens) as cache_write_tokens,
    sum(usage_rows.output_tokens) as output_tokens,
    sum(
        case when usage_rows.input_tokens > 0 and usage_rows.cached_input_tokens is null then 1 else 0 end
    ) as reading_count_without_cached
from {{ ref('int_model_usage') }} as usage_rows
left join {{ source('control', 'catalog_model_aliases') }} as aliases on usage_rows.model_id = aliases.alias
left join {{ source('control', 'pools') }} as pools on usage_rows.pool_id = pools.pool_id
where not coalesce(pools.allocates_only, false)
group by coalesce(aliases.model_id, usage_rows.model_id), cast(usage_rows.period_start as date)
