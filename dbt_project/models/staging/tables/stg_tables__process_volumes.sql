{#-
  Counted processes as delivered, by calendar day in UTC. A process has one count for a
  unit on a day, as a metric has one value. Where no unit is named it is that of all.
-#}
with source as (
    select
        _source as source,
        _load_id as load_id,
        cast(volume_date as date) as volume_date,
        trim(process_id) as process_id,
        coalesce(nullif(trim(unit), ''), 'all') as unit,
        feature_id,
        cast(volume as double) as volume,
        cast(automated_volume as double) as automated_volume,
        cast(handling_minutes as double) as handling_minutes
    from {{ source('evidence', 'process_volumes') }}
),

ranked as (
    select
        *,
        row_number() over (
            partition by process_id, unit, volume_date
            order by
                load_id desc, volume desc, coalesce(automated_volume, -1) desc, coalesce(handling_minutes, -1) desc,
                coalesce(feature_id, '') asc
        ) as recency
    from source
)

select
    source,
    volume_date,
    process_id,
    unit,
    feature_id,
    volume,
    automated_volume,
    handling_minutes,
    recency = 1 as is_counted
from ranked
