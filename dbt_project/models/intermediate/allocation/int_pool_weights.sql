{#- The meters summed to every interval at which a pool may be divided, kind by kind. -#}
{{ config(materialized='table') }}

with meters as (
    select * from {{ ref('int_pool_meters') }}
),

in_intervals as (
    {% for interval in ['hour', 'day', 'month'] -%}
    select
        '{{ interval }}' as allocation_interval,
        {{ interval_start(interval, 'metered_at') }} as interval_started_at,
        pool_id,
        driver,
        model_id,
        metered_kind,
        weight,
        requested_idle_weight,
        unmeasured_weight,
        capacity
    from meters
    {{ "union all" if not loop.last }}
    {% endfor %}
)

select
    pool_id,
    allocation_interval,
    interval_started_at,
    driver,
    model_id,
    metered_kind,
    {{ to_weight("case when driver = 'even' then max(weight) else sum(weight) end") }} as weight,
    {{ to_weight('sum(requested_idle_weight)') }} as requested_idle_weight,
    {{ to_weight('sum(unmeasured_weight)') }} as unmeasured_weight,
    {{ to_weight('sum(capacity)') }} as capacity
from in_intervals
group by pool_id, driver, allocation_interval, interval_started_at, model_id, metered_kind
