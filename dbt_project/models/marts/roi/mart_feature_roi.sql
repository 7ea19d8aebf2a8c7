{#-
  What each feature returns, by month and to date. Its cost is that of the mart of cost,
  to the last digit; everything else is read off the draws of its effect.
-#}
with returns as (
    select * from {{ source('estimates', 'roi_features') }}
),

spent as (
    select
        returns.feature_id,
        returns.roi_window,
        {{ known_cost('costs', 'run') }} as cost
    from returns
    cross join {{ ref('mart_run') }} as run
    inner join {{ ref('fct_daily_model_costs') }} as costs
        on
            returns.feature_id = costs.feature_id
            and returns.first_month <= costs.billing_month
            and returns.last_month >= costs.billing_month
    group by returns.feature_id, returns.roi_window
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
    run.currency,
    returns.study_ids,
    returns.outcome_unit,
    returns.verdict,
    case when signed.signature is null then returns.lifecycle_stage else 'validated' end as lifecycle_stage,
    signed.validated_by,
    returns.basis,
    returns.grade,
    returns.counted,
    spent.cost,
    {{ money_of_returns('returns') }},
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
    returns.reason_code,
    returns.reason,
    returns.not_counted_code,
    returns.not_counted_reason,
    returns.left_out
from returns
cross join {{ ref('mart_run') }} as run
left join spent
    on returns.feature_id = spent.feature_id and returns.roi_window = spent.roi_window
left join signed
    on returns.feature_id = signed.feature_id and returns.basis = signed.basis and signed.signature = 1
