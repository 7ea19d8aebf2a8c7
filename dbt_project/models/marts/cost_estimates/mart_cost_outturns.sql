{#-
  Forecast end of the running month, quarter and fiscal year: what the days up to the
  last complete one have cost, exactly, and what the rest is expected to, with its
  interval; next to the budget of the same days. What is known to be missing is at most
  its amount, and belongs to the high end.
-#}
with landings as (
    select * from {{ source('estimates', 'cost_landings') }}
),

periods as (
    select distinct
        currency,
        period,
        period_start,
        period_end,
        last_complete_day
    from landings
),

spent as (
    select
        periods.currency,
        periods.period,
        costs.model_id,
        sum(costs.effective_cost) as effective_cost
    from periods
    inner join {{ ref('fct_daily_model_costs') }} as costs
        on
            periods.currency = costs.currency
            and costs.is_ai_cost
            and periods.period_start <= costs.charge_date
            and periods.last_complete_day >= costs.charge_date
    group by periods.currency, periods.period, costs.model_id
),

observed as (
    select
        landings.period,
        landings.series,
        landings.model_id,
        landings.currency,
        sum(spent.effective_cost) as actual_cost
    from landings
    left join spent
        on
            landings.currency = spent.currency
            and landings.period = spent.period
            and (
                landings.series = 'total'
                or coalesce(landings.model_id, '') = coalesce(spent.model_id, '')
            )
    group by landings.period, landings.series, landings.model_id, landings.currency
),

budgets as (
    select
        periods.period,
        budgets.scope_type,
        budgets.scope_id,
        budgets.currency,
        sum(budgets.budget_amount) as budget_amount,
        count(budgets.budget_amount) as budget_month_count
    from periods
    inner join {{ ref('mart_budget_variance') }} as budgets
        on periods.currency = budgets.currency and {{ is_month_of('budgets.billing_month', 'periods') }}
    where budgets.scope_type in ('all', 'model')
    group by periods.period, budgets.scope_type, budgets.scope_id, budgets.currency
),

lacking as (
    select
        periods.period,
        periods.currency,
        {{ distinct_texts("completeness.source || ' lacks ' || completeness.missing") }} as missing,
        case
            when count(completeness.missing_amount) = count(*) then sum(completeness.missing_amount)
        end as missing_amount
    from periods
    inner join {{ ref('mart_month_completeness') }} as completeness
        on {{ is_month_of('completeness.billing_month', 'periods') }}
    where not completeness.is_complete
    group by periods.period, periods.currency
),

begun as (
    select
        currency,
        {{ month_label('min(charge_date)') }} as first_month
    from {{ ref('fct_daily_model_costs') }}
    group by currency
),

joined as (
    select
        landings.*,
        case
            when begun.first_month > {{ month_label('landings.period_start') }}
                then 'no cost is known before ' || begun.first_month
            else lacking.missing
        end as reason,
        case
            when begun.first_month > {{ month_label('landings.period_start') }} then null
            when lacking.period is null then {{ to_money('0') }}
            else {{ to_money('lacking.missing_amount') }}
        end as missing_amount,
        {{ to_money('coalesce(observed.actual_cost, 0)') }} as actual_cost,
        case
            when
                budgets.budget_month_count
                = case landings.landing when 'month' then 1 when 'quarter' then 3 else 12 end
                then {{ to_money('budgets.budget_amount') }}
        end as budget_amount
    from landings
    inner join observed
        on
            landings.period = observed.period
            and landings.series = observed.series
            and landings.currency = observed.currency
            and coalesce(landings.model_id, '') = coalesce(observed.model_id, '')
    left join begun on landings.currency = begun.currency
    left join lacking on landings.period = lacking.period and landings.currency = lacking.currency
    left join budgets
        on
            landings.period = budgets.period
            and landings.currency = budgets.currency
            and budgets.scope_type = case landings.series when 'total' then 'all' else landings.series end
            and budgets.scope_id = coalesce(landings.model_id, 'all')
)

select
    landing as horizon,
    period,
    series,
    model_id,
    currency,
    last_complete_day,
    {{ month_label('last_complete_day') }} as last_complete_month,
    remaining_day_count,
    actual_cost,
    missing_amount,
    reason,
    cast(actual_cost as double) + remaining_cost as outturn_cost,
    cast(actual_cost as double) + remaining_cost_low as outturn_cost_low,
    cast(actual_cost as double) + remaining_cost_high + cast(coalesce(missing_amount, 0) as double)
        as outturn_cost_high,
    budget_amount,
    case
        when budget_amount is null then 'no budget'
        when actual_cost > budget_amount then 'over'
        when cast(actual_cost as double) + remaining_cost_low > cast(budget_amount as double) then 'will be over'
        when
            cast(actual_cost + missing_amount as double) + remaining_cost_high <= cast(budget_amount as double)
            then 'will be within'
        else 'cannot tell'
    end as budget_outlook,
    backtest_sum_count,
    backtest_week_count,
    backtest_error_ratio,
    backtest_coverage_ratio,
    unwidened_coverage_ratio,
    interval_widening_ratio
from joined
