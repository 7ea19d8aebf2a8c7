{#-
  All features together, each over the months that its effect was measured in. The headline
  is what counts: grades A and B, nulls and harms included, less what two features claim of
  one outcome. What does not count and the AI cost of the months, before tax and credits, have
  columns of their own, so that none is taken for another.
-#}
with returns as (
    select * from {{ source('estimates', 'roi_portfolio') }}
),

counted as (
    select
        features.window as roi_window,
        sum(features.cost) as cost,
        case when count(features.investment_cost) = count(*) then sum(features.investment_cost) end as investment_cost,
        case when count(features.cost_since) = count(*) then sum(features.cost_since) end as cost_since,
        sum(case when features.finding = 'pays' then 1 else 0 end) as paying_feature_count,
        sum(case when features.finding = 'loses' then 1 else 0 end) as losing_feature_count
    from {{ ref('mart_feature_roi') }} as features
    where features.counted
    group by features.window
),

-- Before tax and credits, also where a counted feature's own cost has some.
spent as (
    select
        returns.roi_window,
        {{ known_cost('costs', 'run') }} as ai_cost,
        sum(case when features.feature_id is null then costs.effective_cost else 0 end) as not_counted_cost
    from returns
    cross join {{ ref('mart_run') }} as run
    inner join {{ ref('fct_daily_model_costs') }} as costs
        on returns.first_month <= costs.billing_month and returns.last_month >= costs.billing_month
    left join {{ ref('mart_feature_roi') }} as features
        on
            returns.roi_window = features.window
            and costs.feature_id = features.feature_id
            and costs.billing_month between features.first_month and features.last_month
            and features.counted
    where costs.is_ai_cost
    group by returns.roi_window
)

select
    returns.roi_window as {{ reserved_name('window') }},
    returns.first_month,
    returns.last_month,
    returns.until_month,
    run.currency,
    {{ to_money('counted.cost') }} as cost,
    {{ money_of_returns('returns') }},
    {{ to_money('counted.investment_cost') }} as investment_cost,
    {{ to_money('counted.cost_since') }} as cost_since,
    returns.since_month_count,
    {{ money_outside_window('returns') }},
    returns.shrunk_net_value,
    returns.shrunk_net_value_low_90,
    returns.shrunk_net_value_high_90,
    returns.overlap_benefit,
    returns.overlap_benefit_low_90,
    returns.overlap_benefit_high_90,
    returns.beside_first_month,
    returns.beside_last_month,
    returns.beside_benefit,
    returns.beside_benefit_low_90,
    returns.beside_benefit_high_90,
    returns.beside_net_value,
    returns.beside_net_value_low_90,
    returns.beside_net_value_high_90,
    spent.ai_cost,
    case when spent.ai_cost is not null then {{ to_money('spent.not_counted_cost') }} end as not_counted_cost,
    {{ safe_ratio('spent.ai_cost - spent.not_counted_cost', 'spent.ai_cost') }} as counted_cost_ratio,
    cast(coalesce(counted.paying_feature_count, 0) as integer) as paying_feature_count,
    cast(coalesce(counted.losing_feature_count, 0) as integer) as losing_feature_count,
    returns.counted_feature_count,
    returns.beside_feature_count,
    returns.not_computable_feature_count,
    returns.run_rate_month,
    returns.run_rate_net,
    returns.run_rate_net_low_90,
    returns.run_rate_net_high_90,
    returns.run_rate_feature_count,
    returns.run_rate_unknown_feature_count,
    returns.tested_study_count,
    returns.found_study_count,
    returns.withdrawal_pending_study_count,
    returns.withdrawn_study_count,
    returns.interim_study_count
from returns
cross join {{ ref('mart_run') }} as run
left join counted on returns.roi_window = counted.roi_window
left join spent on returns.roi_window = spent.roi_window
