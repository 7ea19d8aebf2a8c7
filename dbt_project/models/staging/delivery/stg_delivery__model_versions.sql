{#-
  Registered versions of models, each as it was seen last. Registries of several sites may
  give one name to different models.
-#}
with source as (
    select
        *,
        {{ site_where_shared(['registered_model'], rules('sites')) }} as site
    from {{ source('evidence', 'model_versions') }}
)

select
    source_system,
    site,
    registered_model,
    model_version,
    min(_source) as source,
    min(created_at) as created_at,
    min(run_id) as run_id,
    min(commit_sha) as commit_sha,
    min(model_id) as model_id,
    min(feature_id) as feature_id,
    max(case when is_deleted then 1 else 0 end) = 1 as is_deleted
from source
group by source_system, site, registered_model, model_version
