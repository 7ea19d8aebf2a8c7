{#-
  What each feature has cost by month and model, and whether the model had answered
  requests by then: what had served before a launch is no investment in the launch.
-#}
with costs as (
    select
        costs.feature_id,
        costs.model_id,
        costs.billing_month,
        run.currency,
        {{ known_cost('costs', 'run') }} as cost
    from {{ ref('fct_daily_model_costs') }} as costs
    cross join {{ ref('mart_run') }} as run
    where costs.feature_id is not null
    group by costs.feature_id, costs.model_id, costs.billing_month, run.currency
),

answered as (
    select
        model_id,
        billing_month,
        coalesce(successful_requests, requests, input_tokens + output_tokens) as answers
    from {{ ref('mart_model_unit_costs') }}
),

-- A model without a meter has no row.
models as (
    select
        model_id,
        min(case when answers > 0 then billing_month end) as first_month
    from answered
    where answers is not null
    group by model_id
),

owned as (
    select distinct
        feature_id,
        model_id
    from costs
),

-- What a feature has without a model had served when the first of its models had.
features as (
    select
        owned.feature_id,
        min(models.first_month) as first_month
    from owned
    inner join models on owned.model_id = models.model_id
    group by owned.feature_id
),

served as (
    select
        costs.*,
        case when costs.model_id is null then features.first_month else models.first_month end as first_month,
        case when costs.model_id is null then features.feature_id else models.model_id end as metered
    from costs
    left join models on costs.model_id = models.model_id
    left join features on costs.feature_id = features.feature_id
)

select
    feature_id,
    model_id,
    billing_month,
    currency,
    cost,
    case when metered is not null then coalesce(billing_month >= first_month, false) end as has_served
from served
