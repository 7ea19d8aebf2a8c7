with declared as (
    select
        platform_id,
        platform_name,
        platform_kind
    from {{ source('control', 'catalog_platforms') }}
),

found as (
    select distinct
        platform_id,
        provider
    from {{ ref('int_charge_amounts') }}
    where platform_id is not null
)

select
    platform_id,
    platform_name,
    platform_kind
from declared
union all
select
    found.platform_id,
    min(found.provider) as platform_name,
    'other' as platform_kind
from found
left join declared on found.platform_id = declared.platform_id
where declared.platform_id is null
group by found.platform_id
