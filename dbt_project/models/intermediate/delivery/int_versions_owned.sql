{#- Registered versions with whose they are on the day on which they were registered. -#}
with versions as (
    select
        source,
        registered_model,
        model_version,
        registered_at,
        run_ended_at,
        model_id as given_model_id,
        feature_id as given_feature_id,
        cast(null as string) as given_team_id
    from {{ ref('int_versions_registered') }}
),

{{ with_owners('versions', ['registered_model'], 'registered_at') }}

select
    registered_model,
    model_version,
    registered_at,
    run_ended_at,
    model_id,
    feature_id,
    team_id
from owned
