{#-
  What each feature returns, by month, to date, and as of each month. Benefit and cost are
  those of the same months; what was spent before and since is apart. Its cost is that of
  the mart of cost, to the last digit; everything else is read off the draws of its effect.
-#}
with returns as (
    select * from {{ source('estimates', 'roi_features') }}
),

placed as (
    select
        returns.feature_id,
        returns.roi_window,
        case
            when costs.billing_month < returns.first_month then 'before'
            when costs.billing_month > returns.last_month then 'since'
            else 'inside'
        end as part,
        -- What had served before the launch is running cost of what was there, and no investment.
        case
            when
                costs.billing_month < returns.first_month
                and coalesce(costs.has_served, returns.baseline_source = 'declared')
                then 0
            else costs.cost
        end as cost
    from returns
    inner join {{ ref('mart_feature_monthly_costs') }} as costs
        on
            returns.feature_id = costs.feature_id
            and coalesce(returns.to_date_month, returns.until_month) >= costs.billing_month
),

spent as (
    select
        feature_id,
        roi_window,
        part,
        case when count(cost) = count(*) then {{ to_money('sum(cost)') }} end as cost
    from placed
    group by feature_id, roi_window, part
),

-- The first who signed for just what the benefit is made of now.
signed as (
    select
        validations.*,
        row_number() over (
            partition by validations.feature_id, validations.basis order by validations.log_position
        ) as signature
    from {{ ref('mart_value_validations') }} as validations
)

select
    returns.feature_id,
    returns.roi_window as {{ reserved_name('window') }},
    returns.first_month,
    returns.last_month,
    returns.until_month,
    run.currency,
    returns.study_ids,
    returns.outcome_unit,
    returns.verdict,
    case when signed.signature is null then returns.lifecycle_stage else 'validated' end as lifecycle_stage,
    signed.validated_by,
    returns.basis,
    returns.grade,
    returns.counted,
    {{ finding_of('returns') }} as finding,
    returns.baseline_source,
    returns.baseline_month,
    returns.baseline_cost,
    spent.cost,
    {{ money_of_returns('returns') }},
    {{ cost_outside_window('returns', 'before') }} as investment_cost,
    {{ cost_outside_window('returns', 'since') }} as cost_since,
    returns.since_month_count,
    {{ money_outside_window('returns') }},
    returns.released_hours,
    returns.released_hours_low_90,
    returns.released_hours_high_90,
    returns.npv,
    returns.npv_low_90,
    returns.npv_high_90,
    returns.probability_npv_positive,
    returns.probability_above_hurdle,
    returns.payback_months_p50,
    returns.payback_months_p90,
    returns.probability_never_paid_back,
    returns.payback_horizon_months,
    returns.break_even_effect,
    returns.break_even_ratio,
    returns.experiment_value_ceiling,
    returns.run_rate_month,
    returns.effect_status,
    returns.run_rate_net,
    returns.run_rate_net_low_90,
    returns.run_rate_net_high_90,
    returns.reason_code,
    returns.reason,
    returns.not_counted_code,
    returns.not_counted_reason,
    returns.left_out
from returns
cross join {{ ref('mart_run') }} as run
left join spent
    on
        returns.feature_id = spent.feature_id
        and returns.roi_window = spent.roi_window
        and spent.part = 'inside'
left join spent as before
    on
        returns.feature_id = before.feature_id
        and returns.roi_window = before.roi_window
        and before.part = 'before'
left join spent as since
    on
        returns.feature_id = since.feature_id
        and returns.roi_window = since.roi_window
        and since.part = 'since'
left join signed
    on returns.feature_id = signed.feature_id and returns.basis = signed.basis and signed.signature = 1
