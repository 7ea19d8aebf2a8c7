{#-
  Names that belong to nobody, and environments that are neither production nor known
  not to be, with how often they occur and an entry that would map them. What a row is
  called by most tellingly is what is listed.
-#}
with occurrences as (
    {% for item in [
        (
            'deployments', ref('fct_deployments'),
            ['registered_model', 'service', 'repository', 'project'], 'first_seen_at'
        ),
        ('commits', ref('fct_changes'), ['service', 'repository'], 'committed_at'),
        ('promotions', ref('fct_promotions'), ['registered_model'], 'event_time'),
        ('training_runs', ref('fct_training_runs'), ['registered_model', 'repository'], 'started_at'),
        ('incidents', ref('fct_incidents'), ['service'], 'impact_started_at'),
        ('worklogs', ref('int_worklogs_owned'), ['project'], 'booked_on'),
    ] -%}
    select
        source,
        '{{ item[0] }}' as stream,
        case
            {%- for kind in item[2] %}
            when {{ kind }} is not null
                then '{{ kind }}'
            {%- endfor %}
            else 'nothing'
        end as kind,
        lower(
            coalesce(
                {% for kind in item[2] -%}
                {{ kind }},
                {% endfor -%}
                ''
            )
        ) as name,
        cast({{ item[3] }} as date) as seen_on
    from {{ item[1] }}
    where model_id is null and feature_id is null and team_id is null
    union all
    {% endfor -%}
    select
        source,
        'deployments' as stream,
        'environment' as kind,
        coalesce(environment, '') as name,
        cast(first_seen_at as date) as seen_on
    from {{ ref('fct_deployments') }}
    where environment_kind = 'unmapped'
)

select
    source,
    stream,
    kind,
    name,
    count(*) as row_count,
    min(seen_on) as first_seen_on,
    max(seen_on) as last_seen_on,
    case
        when kind = 'environment' and name <> '' then 'production_environments: [' || {{ yaml_text('name') }} || ']'
        when kind not in ('environment', 'nothing')
            then
                '- {' || kind || ': ' || {{ yaml_text('name') }} || ', source: ' || {{ yaml_text('source') }}
                || ', model: ' || {{ yaml_text(to_slug('name')) }} || '}'
    end as catalog_entry
from occurrences
group by source, stream, kind, name
