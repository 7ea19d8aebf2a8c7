{#- How much of each counted process was done on a day, by whom, and what it took. -#}
with volumes as (
    select * from {{ ref('stg_tables__process_volumes') }}
)

select
    volume_date,
    process_id,
    unit,
    volume,
    automated_volume,
    handling_minutes,
    feature_id,
    source
from volumes
where is_counted
