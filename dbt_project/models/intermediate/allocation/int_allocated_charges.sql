{#-
  Daily cost with the part of its pool's day that each row is. A ratio is the part of
  the effective cost of its origin, of the billed cost where the other is zero, and
  even where both are; what goes against the sign of the whole counts as nothing. The
  ratios of an origin sum to exactly one. A row that was not divided has none, and does
  not go through what works ratios out: that sorts all rows three times.
-#}
{%- set origin = [
    'billing_month', 'charge_date', 'source', 'provider', 'platform_id', 'lifecycle_stage', 'pool_id', 'currency',
    'is_estimated',
] %}
{%- set of_origin = 'partition by ' ~ (origin | join(', ')) %}
with costs as (
    select
        costs.*,
        pools.driver
    from {{ ref('fct_daily_model_costs') }} as costs
    left join {{ ref('fct_daily_pool_costs') }} as pools
        on
            costs.pool_id = pools.pool_id
            and costs.charge_date = pools.charge_date
            and costs.billing_month = pools.billing_month
            and costs.source = pools.source
            and costs.currency = pools.currency
),

wholes as (
    select
        *,
        sum(effective_cost) over ({{ of_origin }}) as origin_effective_cost,
        sum(billed_cost) over ({{ of_origin }}) as origin_billed_cost
    from costs
    where driver is not null
),

signed as (
    select
        *,
        case
            when origin_effective_cost > 0 then effective_cost
            when origin_effective_cost < 0 then 0 - effective_cost
            when origin_billed_cost > 0 then billed_cost
            when origin_billed_cost < 0 then 0 - billed_cost
            else cast(1 as decimal(28, 10))
        end as signed_cost
    from wholes
),

weighed as (
    select
        *,
        {{ money_as_weight('case when signed_cost > 0 then signed_cost else 0 end') }} as weight
    from signed
),

totals as (
    select
        *,
        sum(weight) over ({{ of_origin }}) as origin_weight
    from weighed
),

shares as (
    select
        *,
        {{ to_share('weight', 'origin_weight') }} as share
    from totals
),

ranked as (
    select
        *,
        sum(share) over ({{ of_origin }}) as origin_share,
        row_number() over (
            {{ of_origin }}
            order by
                share desc, coalesce(model_id, '') asc, coalesce(feature_id, '') asc, coalesce(team_id, '') asc,
                coalesce(cost_center, '') asc, component asc, assignment_method asc
        ) as part_position
    from shares
)

select
    {{ origin | join(',\n    ') }},
    model_id,
    feature_id,
    team_id,
    cost_center,
    component,
    assignment_method,
    driver,
    case
        when part_position = 1 then cast(share + 1 - origin_share as decimal(15, 14))
        else share
    end as allocated_ratio,
    billed_cost,
    effective_cost
from ranked
union all
select
    {{ origin | join(',\n    ') }},
    model_id,
    feature_id,
    team_id,
    cost_center,
    component,
    assignment_method,
    driver,
    cast(null as decimal(15, 14)) as allocated_ratio,
    billed_cost,
    effective_cost
from costs
where driver is null
