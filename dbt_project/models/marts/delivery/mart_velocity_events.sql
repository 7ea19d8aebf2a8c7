{#-
  What each figure of velocity consists of: an item that it uses, one that is still
  open, or one that it leaves out, with the reason. The rules stand in the macro
  velocity_metrics.
-#}
with changes as (
    select * from {{ ref('fct_changes') }}
),

promotions as (
    select
        *,
        cast(null as string) as deployed_unit
    from {{ ref('fct_promotions') }}
),

incidents as (
    select
        *,
        lower(service) as deployed_unit
    from {{ ref('fct_incidents') }}
),

training_runs as (
    select
        *,
        cast(null as string) as deployed_unit
    from {{ ref('fct_training_runs') }}
),

changed as (
    select distinct deployment_event_key from changes
),

deployments as (
    select
        deployments.*,
        changed.deployment_event_key is not null as has_commits
    from {{ ref('fct_deployments') }} as deployments
    left join changed on deployments.event_key = changed.deployment_event_key
),

first_promotions as (
    select
        feature_id,
        min(event_time) as first_production_at,
        min(case when promotion_class = 'left_censored' then event_time end) as censored_at
    from promotions
    where is_production and promotion_class in ('promotion', 'left_censored') and feature_id is not null
    group by feature_id
),

feature_iterations as (
    select
        runs.feature_id,
        max(runs.team_id) as team_id,
        cast(null as string) as model_id,
        cast(null as string) as deployed_unit,
        min(runs.started_at) as first_run_at,
        max(first_promotions.first_production_at) as first_production_at,
        sum(case
            when first_promotions.first_production_at is null or runs.ended_at <= first_promotions.first_production_at
                then case when runs.status = 'finished' then 1 else 0 end
            else 0
        end) as iteration_count,
        max(case when first_promotions.censored_at <= first_promotions.first_production_at then 'left_censored' end)
            as exclusion_reason
    from training_runs as runs
    left join first_promotions on runs.feature_id = first_promotions.feature_id
    where runs.feature_id is not null and runs.is_top_level
    group by runs.feature_id
),

service_times as (
    select
        deployed_unit,
        max(model_id) as model_id,
        max(feature_id) as feature_id,
        max(team_id) as team_id,
        min(case when environment_kind <> 'production' then ended_at end) as first_pilot_at,
        min(case when environment_kind = 'production' then ended_at end) as first_production_at
    from deployments
    where outcome = 'success' and deployed_unit is not null
    group by deployed_unit
),

pilots as (
    select
        *,
        {{ seconds_between('first_pilot_at', 'first_production_at') }} as pilot_to_production_seconds,
        case
            when first_pilot_at is null then 'no_pilot_seen'
            when first_pilot_at > first_production_at then 'pilot_after_production'
        end as exclusion_reason
    from service_times
),

versions_promoted as (
    select
        versions.registered_model || '@' || versions.model_version as version_key,
        versions.registered_at,
        versions.model_id,
        versions.feature_id,
        versions.team_id,
        cast(null as string) as deployed_unit,
        {{ hours_between('versions.registered_at', 'moment.as_of') }} as age_hours,
        {{ hours_between('versions.registered_at', 'promotions.event_time') }} as hours_to_production,
        case when promotions.promotion_class = 'left_censored' then 'left_censored' end as exclusion_reason
    from {{ ref('int_versions_owned') }} as versions
    cross join {{ ref('int_reporting_moment') }} as moment
    left join promotions
        on
            versions.registered_model = promotions.registered_model
            and versions.model_version = promotions.model_version
            and promotions.is_first_in_production
),

items as (
    {% for metric in velocity_metrics() -%}
    select
        '{{ metric.metric }}' as metric,
        '{{ metric.unit }}' as unit,
        '{{ metric.event_kind }}' as event_kind,
        {{ metric.event_key }} as event_key,
        {{ metric.item_key }} as item_key,
        deployed_unit,
        model_id,
        feature_id,
        team_id,
        cast({{ metric.architecture or 'null' }} as string) as architecture,
        cast({{ metric.reason }} as string) as exclusion_reason,
        coalesce({{ metric.is_open }}, false) as is_open,
        '{{ metric.missing | join(" ") }}' as missing_reasons,
        {{ metric.started_at }} as started_at,
        {{ metric.ended_at }} as ended_at,
        cast({{ metric.value }} as double) as event_value
    from {{ metric.relation }}
    where {{ metric.where or 'true' }}
    {{ 'union all' if not loop.last }}
    {% endfor %}
)

select
    items.metric,
    items.unit,
    items.event_kind,
    items.event_key,
    items.item_key,
    items.deployed_unit,
    items.model_id,
    items.feature_id,
    items.team_id,
    items.architecture,
    case
        when items.exclusion_reason is not null then 'excluded'
        when items.is_open then 'open'
        else 'used'
    end as state,
    items.exclusion_reason,
    coalesce(' ' || items.missing_reasons || ' ' like '% ' || items.exclusion_reason || ' %', false) as is_missing,
    items.started_at,
    items.ended_at,
    case when items.exclusion_reason is null and not items.is_open then items.event_value end as event_value,
    {{ local_day('coalesce(items.ended_at, items.started_at)') }} as happened_on,
    {{ local_month('coalesce(items.ended_at, items.started_at)') }} as month
from items
cross join {{ source('control', 'delivery_rules') }} as rules
