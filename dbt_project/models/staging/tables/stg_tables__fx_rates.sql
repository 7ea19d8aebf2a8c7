{#- A rate of which nothing is said was typed in. -#}
with source as (
    select * from {{ source('evidence', 'fx_rates') }}
)

select
    _source as source,
    _load_id as load_id,
    from_currency,
    to_currency,
    coalesce(lower(rate_origin), 'typed') as rate_origin,
    rate,
    rate_date
from source
