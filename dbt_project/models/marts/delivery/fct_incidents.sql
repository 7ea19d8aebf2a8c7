{#-
  Incidents from first impact to last resolution, each with what caused it. How long people
  were engaged is hidden of teams of too few.
-#}
with incidents as (
    select
        causes.*,
        {{ seconds_between('causes.impact_started_at', 'causes.resolved_at') }} as impact_to_resolution_seconds,
        {{ local_month('causes.impact_started_at') }} as impact_month
    from {{ ref('int_incident_causes') }} as causes
    cross join {{ source('control', 'delivery_rules') }} as rules
)

select
    incidents.incident_key,
    incidents.source,
    incidents.source_system,
    incidents.incident_id,
    incidents.service,
    incidents.environment,
    incidents.model_id,
    incidents.feature_id,
    incidents.team_id,
    incidents.severity,
    incidents.resolved_at is null as is_open,
    incidents.is_test,
    incidents.is_retrospective,
    incidents.starts_at_record,
    cast(incidents.reopen_count as bigint) as reopen_count,
    incidents.impact_started_at,
    incidents.resolved_at,
    {{ without_clock_skew('incidents.impact_to_resolution_seconds') }} as restore_seconds,
    incidents.impact_to_resolution_seconds < 0
    and incidents.impact_to_resolution_seconds >= -{{ clock_skew_seconds() }} as has_clock_skew,
    incidents.cause,
    incidents.caused_by_event_key,
    incidents.caused_by_deployment_key,
    incidents.gap_seconds,
    case when not groups.is_small then incidents.engaged_seconds end as engaged_seconds,
    case when not groups.is_small then incidents.engaged_people end as engaged_people,
    case
        when incidents.engaged_seconds is null then null
        when groups.month is null then {{ unknown_group_reason() }}
        when groups.is_small then groups.reason
    end as engaged_reason,
    {{ incident_exclusion_reason('incidents') }} as exclusion_reason,
    {{ local_day('incidents.impact_started_at') }} as impact_on,
    incidents.impact_month,
    {{ local_month('incidents.resolved_at') }} as resolved_month
from incidents
cross join {{ source('control', 'delivery_rules') }} as rules
left join {{ ref('int_team_groups') }} as groups
    on incidents.team_id = groups.team_id and incidents.impact_month = groups.month
