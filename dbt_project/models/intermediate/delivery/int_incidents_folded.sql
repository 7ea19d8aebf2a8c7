{#-
  One row per incident, from its first impact to its last resolution: one that was
  opened again is still one. Where its newest state is not resolved it is open, and has
  no end. What was said of it last holds: whose it is and when it was resolved may be
  corrected. A start of its impact that is said comes before that of its record.
-#}
{%- set facts = [
    ('severity', 'severity'), ('service', 'service'), ('environment', 'environment'),
    ('model_id', 'given_model_id'), ('feature_id', 'given_feature_id'), ('team_id', 'given_team_id'),
    ('deployment_id', 'deployment_id'), ('commit_sha', 'commit_sha'), ('model_version', 'model_version'),
] %}
with states as (
    select
        *,
        case when status = 'resolved' then 1 else 0 end as is_resolved,
        coalesce(starts_at_record, false) as is_start_of_record
    from {{ ref('stg_delivery__incidents') }}
),

ordered as (
    select
        *,
        lag(is_resolved) over (
            partition by incident_key order by event_time, is_resolved, coalesce(observed_at, event_time)
        ) as was_resolved,
        row_number() over (
            partition by incident_key order by event_time desc, is_resolved desc, coalesce(observed_at, event_time) desc
        ) as recency,
        row_number() over (
            partition by incident_key order by coalesce(observed_at, event_time), event_time, is_resolved
        ) as place,
        row_number() over (
            partition by incident_key, is_resolved order by coalesce(observed_at, event_time) desc, event_time desc
        ) as resolution_recency
    from states
),

folded as (
    select
        incident_key,
        min(source) as source,
        min(source_system) as source_system,
        min(incident_id) as incident_id,
        {% for fact, name in facts -%}
        {{ without_place('max(' ~ place_text('place') ~ ' || ' ~ fact ~ ')') }} as {{ name }},
        {% endfor -%}
        coalesce(
            min(case when not is_start_of_record then impact_started_at end),
            min(impact_started_at), min(created_at), min(event_time)
        ) as impact_started_at,
        min(case when not is_start_of_record then impact_started_at end) is null as starts_at_record,
        max(case when is_test then 1 else 0 end) = 1 as is_test,
        max(case when is_retrospective then 1 else 0 end) = 1 as is_retrospective,
        cast(max(engaged_seconds) as double) as engaged_seconds,
        cast(max(engaged_people) as double) as engaged_people,
        sum(case when was_resolved = 1 and is_resolved = 0 then 1 else 0 end) as reopen_count,
        max(case when recency = 1 then is_resolved else 0 end) = 1 as is_resolved,
        max(case when resolution_recency = 1 then resolved_at end) as last_resolved_at
    from ordered
    group by incident_key
),

{{ with_owners('folded', ['service'], 'impact_started_at') }}

select
    owned.*,
    lower(owned.service) as incident_unit,
    case when owned.is_resolved then owned.last_resolved_at end as resolved_at
from owned
