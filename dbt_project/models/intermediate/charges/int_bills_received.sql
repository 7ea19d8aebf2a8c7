{#-
  How new each bill is, and when its newest month first came. A file that names no month
  is of the newest month of its source's charges. A bill that came before its month was
  over is read while it grows: it has no month_ended_at.
-#}
with charges as (
    select
        source,
        billing_month,
        charge_date
    from {{ ref('int_daily_service_charges') }}
    union all
    -- They were delivered, though another delivery of them counts.
    select
        source,
        billing_month,
        last_charge_date as charge_date
    from {{ ref('int_charges_withdrawn') }}
),

newest_charges as (
    select
        source,
        max(billing_month) as newest_month,
        cast(max(charge_date) + interval '1' day as timestamp) as newest_evidence_at
    from charges
    group by source
),

loads as (
    select
        loads.source,
        loads.stream,
        loads.loaded_at,
        newest_charges.newest_evidence_at,
        case when length(loads.period) = 7 then loads.period else newest_charges.newest_month end as newest_month,
        case when length(loads.period) = 7 then loads.period else loads.scope end as delivery
    from {{ source('catalogue', 'loads') }} as loads
    left join newest_charges on loads.source = newest_charges.source
    where loads.stream in ({{ bill_stream_names() }})
),

deliveries as (
    select
        source,
        stream,
        newest_evidence_at,
        {{ month_end('newest_month') }} as month_ended_at,
        min(loaded_at) as first_loaded_at,
        row_number() over (
            partition by source, stream
            order by newest_month desc nulls last, min(loaded_at) desc
        ) as place
    from loads
    group by source, stream, newest_evidence_at, newest_month, delivery
)

select
    source,
    stream,
    newest_evidence_at,
    first_loaded_at,
    case when first_loaded_at >= month_ended_at then month_ended_at end as month_ended_at
from deliveries
where place = 1
