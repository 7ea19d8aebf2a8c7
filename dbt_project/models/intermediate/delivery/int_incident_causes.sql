{#-
  What caused an incident: the deployment that it names, else the latest deployment of
  the same service, or of the same model, that ended within the window before the
  impact, else nothing that is known.
-#}
with incidents as (
    select * from {{ ref('int_incidents_folded') }}
),

deployments as (
    select * from {{ ref('int_deployments_classified') }}
    where
        environment_kind = 'production' and outcome in ('success', 'failure') and same_as_deployment_key is null
),

named as (
    {% for columns in (['deployment_id'], ['commit_sha'], ['model_id', 'model_version']) -%}
    select
        incidents.incident_key,
        deployments.event_key,
        deployments.deployed_unit,
        deployments.ended_at,
        {{ loop.index }} as place
    from incidents
    inner join deployments
        on
            incidents.{{ columns[0] }} = deployments.{{ columns[0] }}
            and incidents.{{ columns[-1] }} = deployments.{{ columns[-1] }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

explicit as (
    select
        named.*,
        row_number() over (
            partition by named.incident_key
            order by
                named.place asc,
                case when named.deployed_unit = incidents.incident_unit then 0 else 1 end asc,
                case when named.ended_at <= incidents.impact_started_at then 0 else 1 end asc,
                named.ended_at desc, named.event_key asc
        ) as choice
    from named
    inner join incidents on named.incident_key = incidents.incident_key
),

happened as (
    {% for unit in ('unit', 'model') -%}
    select
        '{{ unit }}' as shared,
        {{ 'incident_unit' if unit == 'unit' else 'model_id' }} as unit,
        incident_key,
        cast(null as string) as event_key,
        impact_started_at as happened_at,
        1 as is_incident
    from incidents
    where {{ 'incident_unit' if unit == 'unit' else 'model_id' }} is not null
    union all
    select
        '{{ unit }}' as shared,
        {{ 'deployed_unit' if unit == 'unit' else 'model_id' }} as unit,
        cast(null as string) as incident_key,
        event_key,
        ended_at as happened_at,
        0 as is_incident
    from deployments
    where {{ 'deployed_unit' if unit == 'unit' else 'model_id' }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

numbered as (
    select
        *,
        row_number() over (partition by shared, unit order by happened_at, is_incident, event_key) as place
    from happened
),

preceded as (
    select
        *,
        max(case when is_incident = 0 then {{ place_text('place') }} || event_key end)
            over before_it as latest,
        max(case when is_incident = 0 then happened_at end) over before_it as latest_at
    from numbered
    window before_it as (
        partition by shared, unit order by place rows between unbounded preceding and 1 preceding
    )
),

in_window as (
    select
        preceded.incident_key,
        {{ without_place('preceded.latest') }} as event_key,
        row_number() over (partition by preceded.incident_key order by preceded.shared desc) as choice
    from preceded
    cross join {{ source('control', 'delivery_rules') }} as rules
    where
        preceded.is_incident = 1 and preceded.latest is not null
        and {{ hours_between('preceded.latest_at', 'preceded.happened_at') }} <= rules.incident_window_hours
)

select
    incidents.*,
    case
        when explicit.event_key is not null then 'explicit'
        when in_window.event_key is not null then 'window'
        else 'none'
    end as cause,
    deployments.event_key as caused_by_event_key,
    deployments.deployment_key as caused_by_deployment_key,
    {{ seconds_between('deployments.ended_at', 'incidents.impact_started_at') }} as gap_seconds
from incidents
left join explicit on incidents.incident_key = explicit.incident_key and explicit.choice = 1
left join in_window on incidents.incident_key = in_window.incident_key and in_window.choice = 1
left join deployments on coalesce(explicit.event_key, in_window.event_key) = deployments.event_key
