with rows_of_current_loads as (
    select quarantine.*
    from {{ source('catalogue', 'quarantine') }} as quarantine
    inner join {{ source('catalogue', 'loads') }} as loads
        on quarantine.load_id = loads.load_id
    where loads.status = 'current'
)

select
    source,
    stream,
    reason,
    count(*) as row_count,
    min(quarantined_at) as first_seen_at,
    max(quarantined_at) as last_seen_at,
    min(origin || ':' || coalesce(cast(row_number as string), '?')) as example
from rows_of_current_loads
group by source, stream, reason
