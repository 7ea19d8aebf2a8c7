{#-
  Sources of bills that are no longer expected: each platform that they ever charged for was
  left, by the last day of its placements, else by the end of the migration that left it.
  A platform without either is expected for ever.
-#}
with charged as (
    select distinct
        source,
        coalesce(matched_platform_id, {{ to_slug('provider') }}) as platform_id
    from {{ ref('int_daily_service_charges') }}
    where component <> 'out_of_scope'
),

placed as (
    select
        platform_id,
        case when count(valid_to) = count(*) then max(valid_to) end as ended_on
    from {{ source('control', 'platform_placements') }}
    group by platform_id
),

migrated as (
    select
        platforms.platform_id,
        max(migrations.migration_to) as ended_on
    from {{ source('control', 'migration_platforms') }} as platforms
    inner join {{ source('control', 'migrations') }} as migrations
        on platforms.migration_id = migrations.migration_id
    where platforms.side = 'from'
    group by platforms.platform_id
),

ends as (
    select
        charged.source,
        case when placed.platform_id is null then migrated.ended_on else placed.ended_on end as ended_on
    from charged
    left join placed on charged.platform_id = placed.platform_id
    left join migrated on charged.platform_id = migrated.platform_id
)

select
    source,
    max(ended_on) as ended_on
from ends
group by source
having count(ended_on) = count(*)
