{#-
  Deployments to production by day and whose they are, with the days between which the
  sources that tell of them told of anything. A deployment of unknown outcome may be one more.
-#}
with told as (
    select
        source,
        source_system,
        min(deployed_on) as first_told_on,
        greatest(max(cast(last_seen_at as date)), max(deployed_on)) as last_told_on
    from {{ ref('fct_deployments') }}
    group by source, source_system
),

scoped as (
    {% for kind, id in velocity_scopes()[:4] -%}
    select
        '{{ kind }}' as scope_kind,
        deployments.{{ id }} as scope_id,
        deployments.deployment_key,
        deployments.deployed_on,
        deployments.month,
        deployments.counts_as_deployment,
        deployments.exclusion_reason,
        told.first_told_on,
        told.last_told_on
    from {{ ref('fct_deployments') }} as deployments
    inner join told on deployments.source = told.source and deployments.source_system = told.source_system
    where deployments.environment_kind = 'production' and deployments.{{ id }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

once as (
    {{ deployments_once('scoped', ['scope_kind', 'scope_id']) }}
),

counted as (
    select
        scope_kind,
        scope_id,
        deployed_on,
        count(case when counts_as_deployment then 1 end) as deployment_count,
        count(case when not counts_as_deployment then 1 end) as unknown_count
    from once
    group by scope_kind, scope_id, deployed_on
),

days as (
    select
        scope_kind,
        scope_id,
        deployed_on,
        min(first_told_on) as first_told_on,
        max(last_told_on) as last_told_on
    from scoped
    group by scope_kind, scope_id, deployed_on
)

select
    days.scope_kind,
    days.scope_id,
    days.deployed_on,
    coalesce(counted.deployment_count, 0) as deployment_count,
    coalesce(counted.unknown_count, 0) as unknown_count,
    min(days.first_told_on) over (partition by days.scope_kind, days.scope_id) as first_told_on,
    max(days.last_told_on) over (partition by days.scope_kind, days.scope_id) as last_told_on
from days
left join counted
    on
        days.scope_kind = counted.scope_kind
        and days.scope_id = counted.scope_id
        and days.deployed_on = counted.deployed_on
