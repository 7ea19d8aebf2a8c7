{#-
  Which models ran where: by platform and model the money, the days on which the catalogue
  places it there, and whether its latency is compared with that on another platform, or
  why it is left out.
-#}
with spent as (
    select
        costs.platform_id,
        costs.model_id,
        {{ to_money('sum(costs.effective_cost)') }} as effective_cost,
        min(costs.billing_month) as first_month,
        max(costs.billing_month) as last_month
    from {{ ref('fct_daily_model_costs') }} as costs
    inner join {{ source('control', 'run') }} as run on costs.currency = run.currency
    where costs.model_id is not null and costs.platform_id is not null and costs.is_ai_cost
    group by costs.platform_id, costs.model_id
),

placed as (
    select
        platform_id,
        model_id,
        {{ distinct_texts('stage') }} as placed_stages,
        max(case when stage = 'serving' then 1 else 0 end) as is_served,
        min(coalesce(valid_from, cast('1900-01-01' as date))) as placed_from,
        max(coalesce(valid_to, cast('2200-01-01' as date))) as placed_to
    from {{ source('control', 'platform_placements') }}
    group by platform_id, model_id
),

windows as (
    select
        subject_id as platform_id,
        model_id,
        count(*) as window_count,
        sum(case when is_like_for_like then 1 else 0 end) as compared_window_count
    from {{ ref('int_scorecard_latency') }}
    where subject_kind = 'platform'
    group by subject_id, model_id
),

thresholds as (
    select
        model_id,
        max(latency_threshold_seconds) as latency_threshold_seconds
    from {{ source('control', 'catalog_models') }}
    group by model_id
),

elsewhere as (
    select
        model_id,
        count(*) as platform_count
    from windows
    group by model_id
),

pairs as (
    select
        platform_id,
        model_id
    from spent
    union
    select
        platform_id,
        model_id
    from placed
    union
    select
        platform_id,
        model_id
    from windows
)

select
    pairs.platform_id,
    pairs.model_id,
    run.currency,
    spent.effective_cost,
    spent.first_month,
    spent.last_month,
    placed.placed_stages,
    nullif(placed.placed_from, cast('1900-01-01' as date)) as placed_from,
    nullif(placed.placed_to, cast('2200-01-01' as date)) as placed_to,
    thresholds.latency_threshold_seconds,
    cast(coalesce(windows.window_count, 0) as bigint) as window_count,
    cast(coalesce(windows.compared_window_count, 0) as bigint) as compared_window_count,
    coalesce(windows.compared_window_count, 0) > 0 as is_compared,
    case
        when coalesce(windows.compared_window_count, 0) > 0 then null
        when thresholds.latency_threshold_seconds is null then 'no latency threshold is declared for it'
        when coalesce(placed.is_served, 0) = 0 and windows.platform_id is null
            then 'no placement in catalog.yml says that this platform serves it'
        when windows.platform_id is null then 'no histogram of its latency is known'
        when elsewhere.platform_count < 2 then 'its latency is known on this platform alone'
        else 'no band of load under which each of its platforms was seen'
    end as left_out_reason
from pairs
cross join {{ source('control', 'run') }} as run
left join spent on pairs.platform_id = spent.platform_id and pairs.model_id = spent.model_id
left join placed on pairs.platform_id = placed.platform_id and pairs.model_id = placed.model_id
left join windows on pairs.platform_id = windows.platform_id and pairs.model_id = windows.model_id
left join thresholds on pairs.model_id = thresholds.model_id
left join elsewhere on pairs.model_id = elsewhere.model_id
