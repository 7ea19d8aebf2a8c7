{#-
  Booked hours, each entry as it was changed last; one that was deleted since is none. An
  id that several sites have given has its site before it. What comes without a site, such
  as a file, is of the first. A source of which all hours begin at midnight books by day:
  a timesheet, whose days no time zone may shift.
-#}
with sited as (
    select
        *,
        {{ site_where_shared(['source_system', 'worklog_id'], rules('sites')) }} as site,
        case when started_at = cast(cast(started_at as date) as timestamp) then 1 else 0 end as is_midnight
    from {{ source('evidence', 'worklogs') }}
),

named as (
    select
        *,
        {{ with_site('site', 'worklog_id') }} as own_worklog_id,
        min(is_midnight) over (partition by _source) = 1 as is_by_day
    from sited
),

ranked as (
    select
        *,
        min(_source) over (partition by source_system, own_worklog_id) as first_source,
        row_number() over (
            partition by source_system, own_worklog_id
            order by
                coalesce(updated_at, observed_at, started_at) desc,
                coalesce(is_deleted, false) desc,
                observed_at desc,
                hours desc
        ) as recency
    from named
)

select
    first_source as source,
    source_system,
    own_worklog_id as worklog_id,
    source_system || ':' || own_worklog_id as worklog_key,
    started_at,
    is_by_day,
    cast(hours as double) as hours,
    team_id,
    lower(trim(category)) as category,
    project,
    incident_id,
    model_id,
    feature_id,
    platform_id
from ranked
where recency = 1 and not coalesce(is_deleted, false)
