{#-
  Commits, and the deployments that were said to contain them first, with the site of those
  of which several sites gave the id.
-#}
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
    {{ site_where_shared(['source_system', 'deployment_id'], rules('sites')) }} as deployment_site,
    deployed_sha,
    pull_request_id,
    pull_request_opened_at,
    merged_at,
    is_squash,
    model_id,
    feature_id
from source
