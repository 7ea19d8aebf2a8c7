{#- Registered versions with the training run that made them, and the commit it ran from. -#}
with versions as (
    select
        *,
        row_number() over (
            partition by registered_model, model_version, site order by created_at, source_system
        ) as choice
    from {{ ref('stg_delivery__model_versions') }}
),

runs as (
    select
        source_system,
        run_id,
        run_key,
        started_at,
        ended_at,
        commit_sha,
        row_number() over (partition by run_id order by source_system) as choice
    from {{ ref('stg_delivery__training_runs') }}
)

select
    versions.source,
    versions.site,
    versions.registered_model,
    versions.model_version,
    versions.created_at as registered_at,
    versions.model_id,
    versions.feature_id,
    runs.run_key,
    runs.started_at as run_started_at,
    runs.ended_at as run_ended_at,
    coalesce(versions.commit_sha, runs.commit_sha) as commit_sha
from versions
left join runs on versions.run_id = runs.run_id and runs.choice = 1
where versions.choice = 1
