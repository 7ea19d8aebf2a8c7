{#-
  What was seen of the aliases of registered models. One event that comes in two
  deliveries is one row. Of a list of aliases the moment is when it was read, and it may
  say when the list before was: lists that say the same are not delivered.
-#}
with source as (
    select
        *,
        {{ site_where_shared(['registered_model'], rules('sites')) }} as site
    from {{ source('evidence', 'promotions') }}
)

select
    source_system,
    site,
    event,
    registered_model,
    lower(alias) as alias,
    model_version,
    event_time,
    min(_source) as source,
    min(model_id) as model_id,
    min(coalesce(event_id, '')) as event_id,
    min(observed_at) as observed_at,
    max(previously_observed_at) as previously_observed_at
from source
group by source_system, site, event, registered_model, lower(alias), model_version, event_time
