{#- Training runs with whose they are, and with how many runs each has below it. -#}
with runs as (
    select
        source,
        source_system,
        run_id,
        run_key,
        status,
        started_at,
        ended_at,
        last_metric_at,
        experiment,
        parent_run_id,
        registered_model,
        architecture,
        accelerator,
        instance_type,
        commit_sha,
        repository,
        is_deleted,
        gpu_count,
        model_id as given_model_id,
        feature_id as given_feature_id,
        cast(null as string) as given_team_id
    from {{ ref('stg_delivery__training_runs') }}
),

children as (
    select
        source_system,
        parent_run_id,
        count(*) as child_count
    from runs
    where parent_run_id is not null
    group by source_system, parent_run_id
),

{{ with_owners('runs', ['registered_model', 'repository'], 'started_at') }}

select
    owned.*,
    coalesce(children.child_count, 0) as child_count
from owned
left join children
    on owned.source_system = children.source_system and owned.run_id = children.parent_run_id
