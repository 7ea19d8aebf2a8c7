{#-
  The months of each migration as each month since it knew them: as many before as had come
  since, twelve at most, and all that had come since.
-#}
with since as (
    select
        migration_id,
        month,
        row_number() over (partition by migration_id order by month) as month_count
    from {{ ref('int_migration_months') }}
    where period = 'since'
),

before as (
    select
        migration_id,
        month,
        row_number() over (partition by migration_id order by month desc) as place
    from {{ ref('int_migration_months') }}
    where period = 'before'
)

select
    since.migration_id,
    since.month as view_month,
    'before' as period,
    before.month
from since
inner join before on since.migration_id = before.migration_id and since.month_count >= before.place
union all
select
    since.migration_id,
    since.month as view_month,
    'since' as period,
    earlier.month
from since
inner join since as earlier on since.migration_id = earlier.migration_id and since.month >= earlier.month
