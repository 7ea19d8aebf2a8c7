{#-
  How old each source's newest evidence is, against the lag its owner expects. Bills
  are as new as their newest charge, other streams as their newest load, and events as
  the last time that the source answered. A stream that a source could deliver and never
  did is no worry as long as it delivers others.
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

newest_charges as (
    select
        source,
        cast(max(charge_date) + interval '1' day as timestamp) as newest_evidence_at
    from {{ ref('int_daily_service_charges') }}
    group by source
),

as_of as (
    select
        coalesce(
            run.as_of,
            (select max(newest_charges.newest_evidence_at) from newest_charges),
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
        coalesce(newest_charges.newest_evidence_at, loads.last_loaded_at) as newest_evidence_at,
        loads.last_loaded_at,
        case
            when sources.stream in ({{ event_stream_names() }}) and loads.load_count > 0
                then coalesce(sources.last_success_at, loads.last_loaded_at)
            else coalesce(newest_charges.newest_evidence_at, loads.last_loaded_at)
        end as known_until,
        coalesce(loads.load_count, 0) as load_count,
        cast(coalesce(loads.row_count, 0) as bigint) as row_count,
        cast(coalesce(loads.quarantined_row_count, 0) as bigint) as quarantined_row_count
    from sources
    left join loads on sources.source = loads.source and sources.stream = loads.stream
    left join newest_charges
        on
            sources.source = newest_charges.source
            and sources.stream in ({{ bill_stream_names() }})
)

select
    judged.source,
    judged.source_type,
    judged.stream,
    judged.newest_evidence_at,
    judged.last_loaded_at,
    judged.expected_lag_hours,
    case
        when judged.known_until is not null
            then {{ hours_between('judged.known_until', 'as_of.as_of') }} > judged.expected_lag_hours
        else count(judged.known_until) over (partition by judged.source) = 0
    end as is_stale,
    judged.load_count,
    judged.row_count,
    judged.quarantined_row_count
from judged
cross join as_of
