{#-
  Deployments by week and whose they are. A week without one is a zero where the source
  that tells of them told of anything of that system later; after the last that it told,
  nothing is known, and there is no row. A deployment of unknown outcome may be one more.
-#}
with deployments as (
    select * from {{ ref('fct_deployments') }}
    where environment_kind = 'production'
),

told as (
    select
        source,
        source_system,
        max(last_seen_at) as last_told_at
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
        told.last_told_at
    from deployments
    inner join told on deployments.source = told.source and deployments.source_system = told.source_system
    where deployments.{{ id }} is not null
    {{ 'union all' if not loop.last }}
    {% endfor %}
),

bounds as (
    select
        scope_kind,
        scope_id,
        {{ week_start('min(deployed_on)') }} as first_week,
        {{ week_start('max(last_told_at)') }} as open_week
    from scoped
    group by scope_kind, scope_id
),

days as (
    select
        scope_kind,
        scope_id,
        {{ each_day('first_week', 'open_week') }} as day
    from bounds
),

once as (
    {{ deployments_once('scoped', ['scope_kind', 'scope_id']) }}
),

counted as (
    select
        scope_kind,
        scope_id,
        {{ week_start('deployed_on') }} as week,
        count(case when counts_as_deployment then 1 end) as deployment_count,
        count(distinct case when counts_as_deployment then deployed_on end) as deployment_day_count,
        count(case when not counts_as_deployment then 1 end) as unknown_count
    from once
    group by scope_kind, scope_id, {{ week_start('deployed_on') }}
)

select
    days.scope_kind,
    days.scope_id,
    cast(days.day as date) as week,
    coalesce(counted.deployment_count, 0) as deployment_count,
    coalesce(counted.deployment_day_count, 0) as deployment_day_count,
    coalesce(counted.unknown_count, 0) as unknown_count,
    cast(days.day as date) < bounds.open_week as is_complete,
    {{ month_label('cast(days.day as timestamp)') }} as month
from days
inner join bounds on days.scope_kind = bounds.scope_kind and days.scope_id = bounds.scope_id
left join counted
    on
        days.scope_kind = counted.scope_kind
        and days.scope_id = counted.scope_id
        and cast(days.day as date) = counted.week
where {{ iso_weekday('days.day') }} = 1
