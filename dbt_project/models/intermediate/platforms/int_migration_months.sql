{#-
  The months of each migration: as many whole months after it as before, the
  nearest to it, twelve at most, those that it lasts between them, and all that came
  since. Whoever has
  fewer than eight weeks on either side compares nothing. A month is whole when it is over
  and the daily bills have come to its end.
-#}
with migrations as (
    select
        migration_id,
        {{ month_label('migration_from') }} as first_migration_month,
        {{ month_label("migration_to - interval '1' day") }} as last_migration_month
    from {{ source('control', 'migrations') }}
),

moment as (
    select * from {{ ref('int_reporting_moment') }}
),

bills as (
    select
        source,
        billing_month,
        max(charge_date) as last_billed_date,
        count(distinct charge_date) as day_count
    from {{ ref('fct_daily_model_costs') }}
    group by source, billing_month
),

daily_bills as (
    select source
    from bills
    group by source
    having max(day_count) >= {{ daily_bill_day_count() }}
),

billed as (
    select max(bills.last_billed_date) + interval '1' day as billed_until
    from bills
    inner join daily_bills on bills.source = daily_bills.source
),

months as (
    select
        costs.billing_month as month,
        {{ days_between(
            "cast(min(costs.billing_month) || '-01' as date)", 'cast(' ~ month_end('min(costs.billing_month)') ~ ' as date)'
        ) }} as day_count
    from {{ ref('fct_daily_model_costs') }} as costs
    cross join moment
    cross join billed
    where
        {{ month_end('costs.billing_month') }} <= moment.as_of
        and {{ month_end('costs.billing_month') }} <= coalesce(billed.billed_until, moment.as_of)
    group by costs.billing_month
),

sided as (
    select
        migrations.migration_id,
        months.month,
        months.day_count,
        case
            when months.month < migrations.first_migration_month then 'before'
            when months.month > migrations.last_migration_month then 'after'
            else 'migration'
        end as period
    from migrations
    cross join months
),

placed as (
    select
        *,
        row_number() over (partition by migration_id, period order by month desc) as place_from_end,
        row_number() over (partition by migration_id, period order by month asc) as place,
        least(
            12,
            sum(case when period = 'before' then 1 else 0 end) over (partition by migration_id),
            sum(case when period = 'after' then 1 else 0 end) over (partition by migration_id)
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
        migration_id,
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
        migration_id,
        coalesce(sum(case when period = 'before' then day_count end), 0) as before_day_count,
        coalesce(sum(case when period = 'after' then day_count end), 0) as after_day_count
    from kept
    group by migration_id
)

select
    months.migration_id,
    months.month,
    months.period,
    months.place,
    cast(months.day_count as bigint) as day_count,
    cast(months.window_month_count as bigint) as window_month_count,
    lengths.before_day_count >= 56 and lengths.after_day_count >= 56 as is_long_enough
from with_since as months
inner join lengths on months.migration_id = lengths.migration_id
