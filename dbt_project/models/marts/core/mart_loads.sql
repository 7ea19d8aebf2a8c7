select
    load_id,
    source,
    stream,
    scope,
    period,
    status,
    row_count,
    quarantined_row_count,
    loaded_at,
    label
from {{ source('catalogue', 'loads') }}
