{#-
  What tells of a version in production, in one form: deployments that name a version,
  events of aliases, and lists of aliases. A list that lacks an alias which was there
  before says that it was removed, some time since the list before. Deployments are
  told of as if they set an alias of their own.
-#}
with seen as (
    select * from {{ ref('stg_delivery__promotions') }}
),

moments as (
    select
        source_system,
        site,
        registered_model,
        event_time,
        max(case when event = 'alias_seen' then event_time end) as listed_at,
        max(previously_observed_at) as told_previous_list_at
    from seen
    where event in ('alias_seen', 'alias_set')
    group by source_system, site, registered_model, event_time
),

lists as (
    select
        *,
        coalesce(
            told_previous_list_at,
            max(listed_at) over (
                partition by source_system, site, registered_model order by event_time
                rows between unbounded preceding and 1 preceding
            )
        ) as previous_list_at,
        min(listed_at) over (
            partition by source_system, site, registered_model order by event_time
            rows between 1 following and unbounded following
        ) as next_list_at
    from moments
),

present as (
    select
        seen.source,
        seen.source_system,
        seen.site,
        seen.registered_model,
        seen.alias,
        seen.model_version,
        seen.model_id,
        seen.event,
        seen.event_time,
        seen.observed_at,
        seen.event_id,
        lists.next_list_at,
        case seen.event
            when 'alias_seen' then {{ seconds_between('lists.previous_list_at', 'seen.event_time') }}
            else 1
        end as precision_seconds
    from seen
    inner join lists
        on
            seen.source_system = lists.source_system
            and {{ is_same_site('seen', 'lists') }}
            and seen.registered_model = lists.registered_model
            and seen.event_time = lists.event_time
    where seen.alias is not null and seen.model_version is not null and seen.event in ('alias_seen', 'alias_set')
),

absent as (
    select
        min(present.source) as source,
        present.source_system,
        present.site,
        present.registered_model,
        present.alias,
        present.next_list_at as event_time,
        {{ seconds_between(
            'greatest(max(present.event_time), max(next_lists.previous_list_at))', 'present.next_list_at'
        ) }} as precision_seconds
    from present
    inner join lists as next_lists
        on
            present.source_system = next_lists.source_system
            and {{ is_same_site('present', 'next_lists') }}
            and present.registered_model = next_lists.registered_model
            and present.next_list_at = next_lists.event_time
    left join seen as again
        on
            again.event = 'alias_seen'
            and present.source_system = again.source_system
            and {{ is_same_site('present', 'again') }}
            and present.registered_model = again.registered_model
            and present.alias = again.alias
            and present.next_list_at = again.event_time
    where present.next_list_at is not null and again.event is null
    group by present.source_system, present.site, present.registered_model, present.alias, present.next_list_at
),

deployed as (
    select * from {{ ref('int_deployments_classified') }}
    where
        registered_model is not null and model_version is not null
        and environment_kind = 'production' and outcome = 'success' and same_as_deployment_key is null
)

select
    source,
    source_system,
    site,
    registered_model,
    alias,
    model_version,
    model_id,
    case event when 'alias_set' then 'alias_event' else 'alias_list' end as how,
    event_time,
    observed_at,
    event_id,
    precision_seconds
from present
union all
select
    source,
    source_system,
    site,
    registered_model,
    alias,
    cast(null as string) as model_version,
    model_id,
    'alias_event' as how,
    event_time,
    observed_at,
    event_id,
    1 as precision_seconds
from seen
where event = 'alias_deleted' and alias is not null
union all
select
    source,
    source_system,
    site,
    registered_model,
    alias,
    cast(null as string) as model_version,
    cast(null as string) as model_id,
    'alias_list' as how,
    event_time,
    cast(null as timestamp) as observed_at,
    '' as event_id,
    precision_seconds
from absent
union all
select
    source,
    source_system,
    cast(null as string) as site,
    registered_model,
    cast(null as string) as alias,
    model_version,
    model_id,
    'deployment' as how,
    ended_at as event_time,
    cast(null as timestamp) as observed_at,
    event_key as event_id,
    1 as precision_seconds
from deployed
