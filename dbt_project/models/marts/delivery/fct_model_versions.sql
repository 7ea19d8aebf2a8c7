{#-
  Every registered version with whose it is on the day on which it was registered, the
  moment at which it first served production, if it did, and how long that took from its
  registration. Most that never did are experiments.
-#}
with registered as (
    select
        source,
        site,
        registered_model,
        model_version,
        registered_at,
        run_ended_at,
        model_id as given_model_id,
        feature_id as given_feature_id,
        cast(null as string) as given_team_id
    from {{ ref('int_versions_registered') }}
),

{{ with_owners('registered', ['registered_model'], 'registered_at') }},

versions as (
    select
        {{ version_key('owned', 'owned.site') }} as version_key,
        owned.registered_model,
        owned.model_version,
        owned.model_id,
        owned.feature_id,
        owned.team_id,
        owned.run_ended_at,
        owned.registered_at,
        promotions.event_time as first_production_at,
        {{ hours_between('owned.registered_at', 'moment.as_of') }} as age_hours,
        {{ hours_between('owned.registered_at', 'promotions.event_time') }} as hours_to_production,
        {{ seconds_between('owned.registered_at', 'promotions.event_time') }} as seconds_to_production,
        case
            when promotions.promotion_class = 'left_censored' or promotions.exclusion_reason = 'left_censored'
                then 'left_censored'
        end as exclusion_reason
    from owned
    cross join {{ ref('int_reporting_moment') }} as moment
    left join {{ ref('fct_promotions') }} as promotions
        on {{ version_key('owned', 'owned.site') }} = promotions.version_key and promotions.is_first_in_production
)

select
    version_key,
    registered_model,
    model_version,
    model_id,
    feature_id,
    team_id,
    run_ended_at,
    registered_at,
    first_production_at,
    cast(age_hours as double) as age_hours,
    cast(hours_to_production as double) as hours_to_production,
    cast({{ without_clock_skew('seconds_to_production') }} as double) as registration_to_production_seconds,
    coalesce(seconds_to_production < -{{ clock_skew_seconds() }}, false) as is_in_production_before_registration,
    exclusion_reason
from versions
