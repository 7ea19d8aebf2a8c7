{#-
  What changed of versions in production, and for the first time of each version how
  long it took from the end of its training. Deployments tell that time best, then events
  of an alias, then two lists of aliases that differ; each that was seen is kept.
-#}
with folded as (
    select
        promotions.*,
        promotions.model_id as given_event_model_id,
        min(case when promotions.promotion_class = 'left_censored' then promotions.event_time end)
            over of_version as censored_at
    from {{ ref('int_promotions_folded') }} as promotions
    window of_version as (
        partition by
            promotions.registered_model, promotions.model_version, promotions.version_site, promotions.is_production
    )
),

ranked as (
    select
        *,
        row_number() over (
            partition by registered_model, model_version, version_site
            order by
                case when is_production and promotion_class in ('promotion', 'left_censored') then 0 else 1 end,
                time_rank, event_time, alias, source_system
        ) as choice,
        min(case when time_rank = 1 and is_production then event_time end) over of_version as deployed_at,
        min(case when time_rank = 2 and is_production then event_time end) over of_version as alias_set_at,
        min(case when time_rank = 3 and is_production and promotion_class <> 'left_censored' then event_time end)
            over of_version as alias_seen_at
    from folded
    window of_version as (partition by registered_model, model_version, version_site)
),

described as (
    select
        ranked.source,
        ranked.source_system,
        ranked.site,
        ranked.version_site,
        ranked.registered_model,
        ranked.alias,
        ranked.model_version,
        ranked.how,
        ranked.time_rank,
        ranked.event_time,
        ranked.place,
        ranked.promotion_class,
        ranked.is_prior_state_unknown,
        ranked.previous_version,
        ranked.precision_seconds,
        ranked.valid_to,
        ranked.is_production,
        ranked.censored_at,
        ranked.deployed_at,
        ranked.alias_set_at,
        ranked.alias_seen_at,
        coalesce(ranked.given_event_model_id, versions.model_id) as given_model_id,
        versions.feature_id as given_feature_id,
        cast(null as string) as given_team_id,
        ranked.choice = 1 and ranked.is_production
        and ranked.promotion_class in ('promotion', 'left_censored') as is_first_in_production,
        versions.run_key,
        versions.run_started_at,
        versions.run_ended_at,
        versions.registered_at,
        versions.commit_sha,
        replaced.commit_sha as previous_commit_sha
    from ranked
    left join {{ ref('int_versions_registered') }} as versions
        on
            ranked.registered_model = versions.registered_model
            and ranked.model_version = versions.model_version
            and coalesce(ranked.version_site, '') = coalesce(versions.site, '')
    left join {{ ref('int_versions_registered') }} as replaced
        on
            ranked.registered_model = replaced.registered_model
            and ranked.previous_version = replaced.model_version
            and coalesce(ranked.version_site, '') = coalesce(replaced.site, '')
),

{{ with_owners('described', ['registered_model'], 'event_time') }},

timed as (
    select
        owned.*,
        {{ seconds_between('owned.run_ended_at', 'owned.event_time') }} as end_to_production_seconds,
        case
            when not owned.is_first_in_production then 'not_the_first_time'
            when owned.promotion_class = 'left_censored' or owned.censored_at <= owned.event_time then 'left_censored'
            when owned.run_key is null then 'run_unknown'
            when owned.run_ended_at is null then 'run_has_no_end'
            when {{ seconds_between('owned.run_ended_at', 'owned.event_time') }} < -{{ clock_skew_seconds() }}
                then 'in_production_before_training_ended'
        end as exclusion_reason
    from owned
)

select
    timed.source_system || ':'
    || {{ with_site('timed.site', 'timed.registered_model') }} || coalesce(':' || timed.alias, '') || '#'
    || cast(timed.place as string) as promotion_key,
    timed.source,
    timed.source_system,
    timed.registered_model,
    timed.alias,
    timed.model_version,
    {{ version_key('timed', 'timed.version_site') }} as version_key,
    timed.model_id,
    timed.feature_id,
    timed.team_id,
    timed.how,
    cast(timed.time_rank as bigint) as time_rank,
    timed.promotion_class,
    timed.is_production,
    timed.is_prior_state_unknown,
    timed.previous_version,
    case
        when timed.commit_sha = timed.previous_commit_sha then 'retrain'
        when timed.commit_sha <> timed.previous_commit_sha then 'new_code'
    end as change_kind,
    timed.event_time,
    case when timed.promotion_class = 'left_censored' then null else timed.event_time end as valid_from,
    timed.valid_to,
    cast(timed.precision_seconds as double) as precision_seconds,
    timed.is_first_in_production,
    timed.deployed_at,
    timed.alias_set_at,
    timed.alias_seen_at,
    abs({{ seconds_between('timed.deployed_at', 'timed.alias_set_at') }}) > 3600 as do_times_disagree,
    timed.run_key,
    timed.run_ended_at,
    timed.registered_at,
    {{ seconds_between('timed.run_started_at', 'timed.run_ended_at') }} as training_seconds,
    {{ seconds_between('timed.run_ended_at', 'timed.registered_at') }} as end_to_registered_seconds,
    {{ seconds_between('timed.registered_at', 'timed.event_time') }} as registered_to_production_seconds,
    case
        when timed.exclusion_reason is null then {{ without_clock_skew('timed.end_to_production_seconds') }}
    end as training_to_production_seconds,
    timed.exclusion_reason,
    timed.exclusion_reason is null and timed.precision_seconds > 0.1
    * {{ without_clock_skew('timed.end_to_production_seconds') }} as is_imprecise,
    {{ local_day('timed.event_time') }} as event_on,
    {{ local_month('timed.event_time') }} as month
from timed
cross join {{ source('control', 'delivery_rules') }} as rules
