{#-
  What each model costs in the months of its feature's return, and what it returns where
  the feature has no other model.
-#}
with returns as (
    select * from {{ source('estimates', 'roi_models') }}
),

spent as (
    select
        returns.feature_id,
        returns.model_id,
        returns.roi_window,
        {{ known_cost('costs', 'run') }} as cost
    from returns
    cross join {{ ref('mart_run') }} as run
    inner join {{ ref('fct_daily_model_costs') }} as costs
        on
            returns.feature_id = costs.feature_id
            and returns.model_id = costs.model_id
            and returns.first_month <= costs.billing_month
            and returns.last_month >= costs.billing_month
    group by returns.feature_id, returns.model_id, returns.roi_window
)

select
    returns.model_id,
    returns.feature_id,
    returns.roi_window as {{ reserved_name('window') }},
    returns.first_month,
    returns.last_month,
    run.currency,
    returns.grade,
    returns.counted,
    spent.cost,
    {{ money_of_returns('returns') }},
    returns.reason_code,
    returns.reason
from returns
cross join {{ ref('mart_run') }} as run
left join spent
    on
        returns.feature_id = spent.feature_id
        and returns.model_id = spent.model_id
        and returns.roi_window = spent.roi_window
