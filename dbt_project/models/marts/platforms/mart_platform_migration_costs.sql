{#-
  What a move cost and when the spend that it saves has paid for it: its months run from the
  end of the migration, as a range from the interval of the monthly saving. A range of
  savings that holds zero has no end: no break-even within the horizon. Two months on a
  side give a saving no interval. The cost by the saving is there without a range, too,
  with the reason why there is none.
-#}
with spend as (
    select
        subject_id as migration_id,
        max(case when period = 'before' then metric_value end) as before_spend,
        max(case when period = 'after' then metric_value end) as after_spend,
        max(case when period = 'before' then half_width end) as before_half_width,
        max(case when period = 'after' then half_width end) as after_half_width
    from {{ ref('int_scorecard_ratios') }}
    where subject_kind = 'migration' and metric = 'spend_per_month' and basis = 'all'
    group by subject_id
),

windows as (
    select
        migration_id,
        max(case when is_long_enough then 1 else 0 end) = 1 as is_long_enough
    from {{ ref('int_migration_months') }}
    group by migration_id
),

savings as (
    select
        costs.*,
        migrations.migration_name,
        migrations.migration_from,
        migrations.migration_to,
        migrations.horizon_months,
        cast(costs.cost_of_moving as double) as moving,
        coalesce(windows.is_long_enough, false) as is_long_enough,
        spend.before_spend - spend.after_spend as monthly_saving,
        spend.before_spend - spend.after_spend - sqrt(
            spend.before_half_width * spend.before_half_width + spend.after_half_width * spend.after_half_width
        ) as monthly_saving_low,
        spend.before_spend - spend.after_spend + sqrt(
            spend.before_half_width * spend.before_half_width + spend.after_half_width * spend.after_half_width
        ) as monthly_saving_high
    from {{ ref('int_migration_costs') }} as costs
    inner join {{ source('control', 'migrations') }} as migrations on costs.migration_id = migrations.migration_id
    left join spend on costs.migration_id = spend.migration_id
    left join windows on costs.migration_id = windows.migration_id
),

paid_back as (
    select
        *,
        case
            when has_hidden_hours then 'hours of too few people are booked on integration'
            when integration_labour is null then 'hours are booked on integration, and no loaded hourly rate is known'
            when lacks_rate then 'charges of its platforms or commitments lack an exchange rate'
            when cost_of_moving is null
                then 'no equal months before and after the migration say what was usual before'
            when not is_long_enough then 'fewer than eight weeks on a side'
            when monthly_saving_low is null then 'fewer than three months on a side: the saving has no interval'
        end as why_unknown,
        case
            when month_count < 6 then 'fewer than six months since the migration began: no share of investment'
        end as why_no_share,
        case
            when is_long_enough and monthly_saving > 0 then {{ quotient('moving', 'monthly_saving') }}
        end as months,
        case
            when is_long_enough and monthly_saving_high > 0 then {{ quotient('moving', 'monthly_saving_high') }}
        end as months_low,
        case
            when is_long_enough and monthly_saving_low > 0 then {{ quotient('moving', 'monthly_saving_low') }}
        end as months_high
    from savings
)

select
    migration_id,
    migration_name,
    migration_from,
    migration_to,
    first_month,
    last_month,
    month_count,
    currency,
    integration_hours,
    integration_labour as integration_labour_amount,
    integration_charges as integration_charges_amount,
    dual_running as dual_running_amount,
    integration_cost as integration_cost_amount,
    unused_commitment as unused_commitment_amount,
    cost_of_moving as cost_of_moving_amount,
    new_platform_cost as new_platform_amount,
    investment as investment_amount,
    case when month_count >= 6 then {{ safe_ratio('integration_cost', 'investment') }} end as integration_share_ratio,
    case when month_count >= 6 then {{ safe_ratio('integration_cost', 'new_platform_cost') }} end
        as integration_to_rest_ratio,
    case when is_long_enough then monthly_saving end as monthly_saving,
    case when is_long_enough then monthly_saving_low end as monthly_saving_low,
    case when is_long_enough then monthly_saving_high end as monthly_saving_high,
    horizon_months,
    months as break_even_months,
    case when months_high <= horizon_months then months_low end as break_even_months_low,
    case when months_high <= horizon_months then months_high end as break_even_months_high,
    case
        when months is null or months_high <= horizon_months then null
        when monthly_saving_low is null then 'fewer than three months on a side: the saving has no interval'
        when monthly_saving_low <= 0 then 'the interval of the monthly saving holds zero'
        else 'the interval of the monthly saving ends beyond the horizon'
    end as break_even_range_reason,
    case
        when cost_of_moving is null then 'unknown'
        when not is_long_enough then 'not comparable'
        when monthly_saving_low is null then 'unknown'
        when months_high <= horizon_months then 'within the horizon'
        else 'no break-even within the horizon'
    end as break_even_state,
    case
        when why_unknown is not null and why_no_share is not null then why_unknown || '; ' || why_no_share
        else coalesce(why_unknown, why_no_share)
    end as reason,
    case
        when has_hidden_hours then 'deliver the headcount of each team that booked: hours of fewer people are not shown'
        when integration_labour is null then 'triptych.yml: delivery: loaded_hourly_rates'
        when lacks_rate then 'the exchange rates that Data health names'
        when why_unknown is not null or why_no_share is not null
            then 'a further month after the migration; migration_from and migration_to of the migration in catalog.yml'
    end as way_out
from paid_back
