{#-
  What each event did to its alias, by what held the alias before: a promotion the first
  time that a version gets it, a rollback or roll forward when it comes back, nothing
  where it holds it already. What the first list of a model finds has been there for an
  unknown time.
-#}
with events as (
    select
        *,
        row_number() over (
            partition by source_system, site, registered_model, alias
            order by event_time, coalesce(observed_at, event_time), how, event_id, model_version
        ) as place
    from {{ ref('int_promotion_events') }}
),

versions as (
    select
        site,
        registered_model,
        model_version,
        min(created_at) as registered_at,
        row_number() over (
            partition by registered_model, model_version order by min(created_at), site
        ) as choice_of_sites
    from {{ ref('stg_delivery__model_versions') }}
    group by site, registered_model, model_version
),

before as (
    select
        events.*,
        case when versions.model_version is null then events.site else versions.site end as version_site,
        versions.registered_at,
        lag(events.model_version) over in_alias as held_before,
        {{ without_place("max(case when events.model_version is not null then " ~ place_text('events.place')
            ~ " || events.model_version end) over before_it") }} as last_version,
        max(events.place) over before_it is null as is_first,
        row_number() over (
            partition by
                events.source_system, events.site, events.registered_model, events.alias, events.model_version
            order by events.place
        ) as time_of_version
    from events
    left join versions
        on
            events.registered_model = versions.registered_model
            and events.model_version = versions.model_version
            and {{ may_be_one_site('events.site', 'versions.site') }}
            and (events.site is not null or versions.choice_of_sites = 1)
    window
        in_alias as (
            partition by events.source_system, events.site, events.registered_model, events.alias order by events.place
        ),
        before_it as (
            partition by events.source_system, events.site, events.registered_model, events.alias order by events.place
            rows between unbounded preceding and 1 preceding
        )
),

classified as (
    select
        before.*,
        case
            when before.model_version is null then case when before.held_before is null then 'noop' else 'removed' end
            when before.model_version = before.held_before then 'noop'
            when before.is_first and before.how = 'alias_list' and before.precision_seconds is null then 'left_censored'
            when before.time_of_version = 1 then 'promotion'
            when coalesce(
                before.registered_at < last_held.registered_at,
                {{ place_text('before.model_version') }} < {{ place_text('before.last_version') }}
            ) then 'rollback'
            else 'roll_forward'
        end as promotion_class
    from before
    left join versions as last_held
        on
            before.registered_model = last_held.registered_model
            and before.last_version = last_held.model_version
            and {{ may_be_one_site('before.site', 'last_held.site') }}
            and (before.site is not null or last_held.choice_of_sites = 1)
),

changes as (
    select
        *,
        lead(event_time) over (
            partition by source_system, site, registered_model, alias order by place
        ) as valid_to
    from classified
    where promotion_class <> 'noop'
)

select
    classified.source,
    classified.source_system,
    classified.site,
    classified.version_site,
    classified.registered_model,
    classified.alias,
    classified.model_version,
    classified.model_id,
    classified.how,
    case classified.how when 'deployment' then 1 when 'alias_event' then 2 else 3 end as time_rank,
    classified.event_time,
    classified.place,
    classified.promotion_class,
    classified.promotion_class = 'promotion' and classified.is_first as is_prior_state_unknown,
    classified.last_version as previous_version,
    case when classified.promotion_class <> 'left_censored' then classified.precision_seconds end as precision_seconds,
    classified.registered_at,
    changes.valid_to,
    classified.how = 'deployment' or aliases.name is not null as is_production
from classified
left join changes
    on
        classified.source_system = changes.source_system
        and {{ is_same_site('classified', 'changes') }}
        and classified.registered_model = changes.registered_model
        and coalesce(classified.alias, '') = coalesce(changes.alias, '')
        and classified.place = changes.place
left join {{ source('control', 'production_aliases') }} as aliases on classified.alias = aliases.name
where classified.promotion_class <> 'noop' or classified.how = 'alias_event'
