{#- Commits, and the deployments that were said to contain them first. -#}
with source as (
    select * from {{ source('evidence', 'commits') }}
)

select
    _source as source,
    source_system,
    repository,
    commit_sha,
    committed_at,
    authored_at,
    service,
    project,
    deployment_id,
    deployed_sha,
    pull_request_id,
    pull_request_opened_at,
    merged_at,
    is_squash,
    model_id,
    feature_id
from source
