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

iterations as (
    select
        *,
        cast(null as string) as deployed_unit
    from {{ ref('int_release_iterations') }}
),

-- Whose a service is says its first success in production, else its newest before that.
successes as (
    select
        *,
        row_number() over (
            partition by deployed_unit
            order by
                case when environment_kind = 'production' then 0 else 1 end asc,
                case when environment_kind = 'production' then ended_at end asc,
                ended_at desc, event_key asc
        ) as telling
    from deployments
    where outcome = 'success' and deployed_unit is not null
),

service_times as (
    select
        deployed_unit,
        max(case when telling = 1 then model_id end) as model_id,
        max(case when telling = 1 then feature_id end) as feature_id,
        max(case when telling = 1 then team_id end) as team_id,
        min(case when environment_kind <> 'production' then ended_at end) as first_pilot_at,
        min(case when environment_kind = 'production' then ended_at end) as first_production_at
    from successes
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
        *,
        cast(null as string) as deployed_unit
    from {{ ref('fct_model_versions') }}
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
),

dated as (
    select
        items.*,
        {{ local_day('coalesce(items.ended_at, items.started_at)') }} as happened_on,
        {{ local_month('coalesce(items.ended_at, items.started_at)') }} as month,
        {{ local_month('items.started_at') }} as started_month
    from items
    cross join {{ source('control', 'delivery_rules') }} as rules
)

select
    dated.metric,
    dated.unit,
    dated.event_kind,
    dated.event_key,
    dated.item_key,
    dated.deployed_unit,
    dated.model_id,
    dated.feature_id,
    dated.team_id,
    dated.architecture,
    case
        when dated.exclusion_reason is not null then 'excluded'
        when dated.is_open then 'open'
        else 'used'
    end as state,
    dated.exclusion_reason,
    coalesce(' ' || dated.missing_reasons || ' ' like '% ' || dated.exclusion_reason || ' %', false) as is_missing,
    dated.started_at,
    dated.ended_at,
    case when dated.exclusion_reason is null and not dated.is_open then dated.event_value end as event_value,
    case
        when dated.exclusion_reason is null and dated.is_open
            then {{ seconds_between('dated.started_at', 'moment.as_of') }}
    end as open_seconds,
    dated.happened_on,
    dated.month,
    dated.started_month,
    {{ fiscal_quarter('dated.started_month', 'moment.fiscal_year_start_month') }} as started_quarter
from dated
cross join {{ ref('int_reporting_moment') }} as moment
