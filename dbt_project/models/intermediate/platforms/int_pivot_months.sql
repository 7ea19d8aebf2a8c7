{#-
  The months of each pivot: as many whole months after its migration as before, the
  nearest to it, twelve at most, those of the migration between them, and all that came
  since. Whoever has
  fewer than eight weeks on either side compares nothing.
-#}
with pivots as (
    select
        pivot_id,
        {{ month_label('migration_from') }} as first_migration_month,
        {{ month_label("migration_to - interval '1' day") }} as last_migration_month
    from {{ source('control', 'pivots') }}
),

moment as (
    select * from {{ ref('int_reporting_moment') }}
),

months as (
    select
        costs.billing_month as month,
        {{ days_between(
            "cast(min(costs.billing_month) || '-01' as date)", 'cast(' ~ month_end('min(costs.billing_month)') ~ ' as date)'
        ) }} as day_count
    from {{ ref('fct_daily_model_costs') }} as costs
    cross join moment
    where {{ month_end('costs.billing_month') }} <= moment.as_of
    group by costs.billing_month
),

sided as (
    select
        pivots.pivot_id,
        months.month,
        months.day_count,
        case
            when months.month < pivots.first_migration_month then 'before'
            when months.month > pivots.last_migration_month then 'after'
            else 'migration'
        end as period
    from pivots
    cross join months
),

placed as (
    select
        *,
        row_number() over (partition by pivot_id, period order by month desc) as place_from_end,
        row_number() over (partition by pivot_id, period order by month asc) as place,
        least(
            12,
            sum(case when period = 'before' then 1 else 0 end) over (partition by pivot_id),
            sum(case when period = 'after' then 1 else 0 end) over (partition by pivot_id)
        ) as window_month_count
    from sided
),

kept as (
    select *
    from placed
    where
        period = 'migration'
        or (period = 'before' and place_from_end <= window_month_count)
        or (period = 'after' and place <= window_month_count)
),

-- All months since the migration, of which the window after has the first.
with_since as (
    select * from kept
    union all
    select
        pivot_id,
        month,
        day_count,
        'since' as period,
        place_from_end,
        place,
        window_month_count
    from placed
    where period = 'after'
),

lengths as (
    select
        pivot_id,
        coalesce(sum(case when period = 'before' then day_count end), 0) as before_day_count,
        coalesce(sum(case when period = 'after' then day_count end), 0) as after_day_count
    from kept
    group by pivot_id
)

select
    months.pivot_id,
    months.month,
    months.period,
    months.place,
    cast(months.day_count as bigint) as day_count,
    cast(months.window_month_count as bigint) as window_month_count,
    lengths.before_day_count >= 56 and lengths.after_day_count >= 56 as is_long_enough
from with_since as months
inner join lengths on months.pivot_id = lengths.pivot_id
