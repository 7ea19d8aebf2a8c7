{#-
  Where the running month and quarter will end: what the days up to the last complete
  one have cost, exactly, and what the rest is expected to, with its interval; next
  to the budget of the same days.
-#}
with landings as (
    select
        *,
        case landing
            when 'month' then {{ interval_start('month', "cast(period_end as timestamp) - interval '1' day") }}
            else {{ interval_start('quarter', "cast(period_end as timestamp) - interval '1' day") }}
        end as period_start
    from {{ source('estimates', 'cost_landings') }}
),

periods as (
    select distinct
        currency,
        period_start,
        last_complete_day
    from landings
),

spent as (
    select
        periods.currency,
        periods.period_start,
        periods.last_complete_day,
        costs.model_id,
        sum(costs.effective_cost) as effective_cost
    from periods
    inner join {{ ref('fct_daily_model_costs') }} as costs
        on
            periods.currency = costs.currency
            and costs.is_ai_cost
            and periods.period_start <= costs.charge_date
            and periods.last_complete_day >= costs.charge_date
    group by periods.currency, periods.period_start, periods.last_complete_day, costs.model_id
),

observed as (
    select
        landings.landing,
        landings.series,
        landings.model_id,
        landings.currency,
        sum(spent.effective_cost) as actual_cost
    from landings
    left join spent
        on
            landings.currency = spent.currency
            and landings.period_start = spent.period_start
            and landings.last_complete_day = spent.last_complete_day
            and (
                landings.series = 'total'
                or coalesce(landings.model_id, '') = coalesce(spent.model_id, '')
            )
    group by landings.landing, landings.series, landings.model_id, landings.currency
),

months as (
    select distinct
        landings.landing,
        landings.period_start,
        landings.period_end
    from landings
),

budgets as (
    select
        months.landing,
        budgets.scope_type,
        budgets.scope_id,
        budgets.currency,
        sum(budgets.budget_amount) as budget_amount,
        count(budgets.budget_amount) as budget_month_count
    from months
    inner join {{ ref('mart_budget_variance') }} as budgets
        on
            cast(budgets.billing_month || '-01' as timestamp) >= months.period_start
            and cast(budgets.billing_month || '-01' as timestamp) < months.period_end
    where budgets.scope_type in ('all', 'model')
    group by months.landing, budgets.scope_type, budgets.scope_id, budgets.currency
),

lacking as (
    select distinct months.landing
    from months
    inner join {{ ref('mart_month_completeness') }} as completeness
        on
            cast(completeness.billing_month || '-01' as timestamp) >= months.period_start
            and cast(completeness.billing_month || '-01' as timestamp) < months.period_end
    where not completeness.is_complete
),

joined as (
    select
        landings.*,
        lacking.landing is not null as is_partial,
        {{ to_money('coalesce(observed.actual_cost, 0)') }} as actual_cost,
        case
            when budgets.budget_month_count = case landings.landing when 'month' then 1 else 3 end
                then {{ to_money('budgets.budget_amount') }}
        end as budget_amount
    from landings
    inner join observed
        on
            landings.landing = observed.landing
            and landings.series = observed.series
            and landings.currency = observed.currency
            and coalesce(landings.model_id, '') = coalesce(observed.model_id, '')
    left join lacking on landings.landing = lacking.landing
    left join budgets
        on
            landings.landing = budgets.landing
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
    remaining_day_count,
    actual_cost,
    cast(actual_cost as double) + remaining_cost as outturn_cost,
    cast(actual_cost as double) + remaining_cost_low as outturn_cost_low,
    cast(actual_cost as double) + remaining_cost_high as outturn_cost_high,
    budget_amount,
    case
        when budget_amount is null then 'no budget'
        when actual_cost > budget_amount then 'over'
        when cast(actual_cost as double) + remaining_cost_low > cast(budget_amount as double) then 'will be over'
        when is_partial then 'cannot tell'
        when cast(actual_cost as double) + remaining_cost_high <= cast(budget_amount as double) then 'will be within'
        else 'cannot tell'
    end as budget_outlook,
    backtest_sum_count,
    backtest_error_ratio,
    backtest_coverage_ratio
from joined
