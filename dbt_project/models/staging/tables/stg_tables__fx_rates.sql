with source as (
    select * from {{ source('evidence', 'fx_rates') }}
)

select
    _load_id as load_id,
    from_currency,
    to_currency,
    rate,
    rate_date
from source
