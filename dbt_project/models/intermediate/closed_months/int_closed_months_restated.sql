{#-
  Sources whose bill of a closed month consists of other files than when it was closed:
  something was delivered late, or again, or another delivery of it counts now. A file that a later version of the program read
  again has the same checksum, and is the same delivery.
-#}
{%- set delivered = 'coalesce(nullif(cast(loads.checksums as string), \'[]\'), loads.load_id)' -%}

with loads_then_and_now as (
    select
        totals.billing_month,
        loads.source,
        {{ delivered }} as delivered,
        0 as was_there,
        1 as is_there
    from {{ source('catalogue', 'load_totals') }} as totals
    inner join {{ source('catalogue', 'loads') }} as loads on totals.load_id = loads.load_id
    where loads.status = 'current' and loads.stream in ({{ bill_stream_names() }})
    union all
    select
        locked.billing_month,
        loads.source,
        {{ delivered }} as delivered,
        1 as was_there,
        0 as is_there
    from {{ source('control', 'period_lock_loads') }} as locked
    inner join {{ source('catalogue', 'loads') }} as loads on locked.load_id = loads.load_id
),

changes as (
    select
        billing_month,
        source,
        delivered
    from loads_then_and_now
    group by billing_month, source, delivered
    having max(was_there) <> max(is_there)
),

settled as (
    select distinct
        charges.billing_month,
        charges.source
    from {{ ref('int_charges_withdrawn') }} as charges
    inner join {{ source('control', 'settled_loads') }} as decisions on charges.load_id = decisions.load_id
    inner join {{ source('control', 'period_locks') }} as locks on charges.billing_month = locks.billing_month
    where decisions.decided_at > locks.locked_at
)

select distinct
    changes.billing_month,
    changes.source
from changes
inner join {{ source('control', 'period_locks') }} as locks on changes.billing_month = locks.billing_month
union
select * from settled
