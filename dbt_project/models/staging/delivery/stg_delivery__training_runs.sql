{#- Training runs, each as it was seen last; a state that ended a run comes after one that did not. -#}
with source as (
    select
        *,
        case when status in ('running', 'scheduled', 'unknown') then 0 else 1 end as is_over
    from {{ source('evidence', 'training_runs') }}
),

ranked as (
    select
        *,
        min(_source) over (partition by source_system, run_id) as first_source,
        row_number() over (
            partition by source_system, run_id
            order by
                coalesce(observed_at, ended_at, started_at) desc, is_over desc, coalesce(is_deleted, false) desc,
                ended_at desc, status asc
        ) as recency
    from source
)

select
    first_source as source,
    source_system,
    run_id,
    source_system || ':' || run_id as run_key,
    status,
    started_at,
    ended_at,
    last_metric_at,
    experiment,
    parent_run_id,
    registered_model,
    model_id,
    feature_id,
    architecture,
    accelerator,
    instance_type,
    commit_sha,
    repository,
    coalesce(is_deleted, false) as is_deleted,
    cast(gpu_count as double) as gpu_count
from ranked
where recency = 1
