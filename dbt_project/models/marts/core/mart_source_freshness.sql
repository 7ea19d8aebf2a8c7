{#-
  How old each source's newest evidence is, against the lag its owner expects. Bills are
  as new as their newest charge, other streams as their newest load, and events as the
  last time that the source answered. A bill that came when its month was over is due
  again for the next month, as long after it as it came. A source whose platforms were
  all left has ended, and is not late. A stream that a source could deliver and never did
  is no worry as long as it delivers others.
-#}
with sources as (
    select
        source,
        source_type,
        {{ each_of('streams') }} as stream,
        expected_lag_hours,
        last_success_at
    from {{ source('catalogue', 'sources') }}
),

loads as (
    select
        source,
        stream,
        max(loaded_at) as last_loaded_at,
        count(*) as load_count,
        sum(row_count) as row_count,
        sum(quarantined_row_count) as quarantined_row_count
    from {{ source('catalogue', 'loads') }}
    where status = 'current'
    group by source, stream
),

as_of as (
    select
        coalesce(
            run.as_of,
            (select max(bills.newest_evidence_at) from {{ ref('int_bills_received') }} as bills),
            run.started_on
        ) as as_of
    from {{ source('control', 'run') }} as run
),

judged as (
    select
        sources.source,
        sources.source_type,
        sources.stream,
        sources.expected_lag_hours,
        coalesce(bills.newest_evidence_at, loads.last_loaded_at) as newest_evidence_at,
        loads.last_loaded_at,
        case
            when sources.stream in ({{ event_stream_names() }}) and loads.load_count > 0
                then coalesce(sources.last_success_at, loads.last_loaded_at)
            else coalesce(bills.newest_evidence_at, loads.last_loaded_at)
        end as known_until,
        bills.month_ended_at,
        bills.first_loaded_at,
        cast(ended.ended_on as timestamp) as ended_at,
        coalesce(loads.load_count, 0) as load_count,
        cast(coalesce(loads.row_count, 0) as bigint) as row_count,
        cast(coalesce(loads.quarantined_row_count, 0) as bigint) as quarantined_row_count,
        coalesce(settled.settled_load_count, 0) as settled_load_count,
        settled.settled_reason
    from sources
    left join loads on sources.source = loads.source and sources.stream = loads.stream
    left join {{ ref('int_settled_deliveries') }} as settled
        on sources.source = settled.source and sources.stream = settled.stream
    left join {{ ref('int_bills_received') }} as bills
        on sources.source = bills.source and sources.stream = bills.stream
    left join {{ ref('int_ended_sources') }} as ended on sources.source = ended.source
),

late as (
    select
        judged.*,
        as_of.as_of,
        case
            when judged.month_ended_at is not null and judged.known_until is not null
                then
                    {{ hours_between("judged.month_ended_at + interval '1' month", 'as_of.as_of') }}
                    > greatest(
                        judged.expected_lag_hours,
                        {{ hours_between('judged.month_ended_at', 'judged.first_loaded_at') }}
                    )
            when judged.known_until is not null
                then {{ hours_between('judged.known_until', 'as_of.as_of') }} > judged.expected_lag_hours
            else count(judged.known_until) over (partition by judged.source) = 0
        end as is_late,
        -- The evidence came to the end of the last platform.
        coalesce(
            judged.ended_at <= as_of.as_of
            and {{ hours_between('judged.known_until', 'judged.ended_at') }} <= judged.expected_lag_hours,
            false
        ) as has_ended
    from judged
    cross join as_of
)

select
    source,
    source_type,
    stream,
    newest_evidence_at,
    last_loaded_at,
    expected_lag_hours,
    is_late and not has_ended as is_stale,
    is_late and has_ended as is_ended,
    load_count,
    row_count,
    quarantined_row_count,
    settled_load_count,
    settled_reason
from late
