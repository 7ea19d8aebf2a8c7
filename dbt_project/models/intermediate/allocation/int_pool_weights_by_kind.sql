{#-
  The weights that divide each kind of line of a pool in an interval, and what they are:

  quantity    what was counted of the kind that the line is the price of
  estimated   kinds weighed by what they cost elsewhere, or a reading that does not say its kind
  plain       kinds whose prices nobody knows, counted alike
-#}
{{ config(materialized='table') }}
{%- set line = 'pool_id, allocation_interval, interval_started_at, charged_kind' %}

with counted as (
    select
        weights.*,
        kinds.charged_kind,
        kinds.is_kind_named,
        kinds.is_estimated,
        prices.unit_weight,
        weights.weight > 0 or weights.capacity > 0 as is_something
    from {{ ref('int_pool_weights') }} as weights
    inner join {{ ref('int_pool_kinds') }} as kinds
        on
            weights.pool_id = kinds.pool_id
            and {{ month_label('weights.interval_started_at') }} = kinds.metered_month
            and weights.metered_kind = kinds.metered_kind
    left join {{ ref('int_pool_kind_prices') }} as prices
        on
            weights.pool_id = prices.pool_id
            and {{ month_label('weights.interval_started_at') }} = prices.metered_month
            and weights.metered_kind = prices.metered_kind
            and not kinds.is_kind_named
),

judged as (
    select
        *,
        max(case when is_something and unit_weight is null then 1 else 0 end) over (partition by {{ line }}) = 1
            as lacks_a_price,
        max(case when is_something and is_estimated then 1 else 0 end) over (partition by {{ line }}) = 1
            as has_an_estimate,
        min(case when is_something then metered_kind end) over (partition by {{ line }}) as first_kind,
        max(case when is_something then metered_kind end) over (partition by {{ line }}) as last_kind
    from counted
),

weighed as (
    select
        *,
        case
            when is_kind_named then case when has_an_estimate then 'estimated' else 'quantity' end
            when first_kind is null or first_kind = last_kind then 'quantity'
            when lacks_a_price then 'plain'
            else 'estimated'
        end as split_basis
    from judged
)

select
    {{ line }},
    model_id,
    {% for column in ['weight', 'requested_idle_weight', 'unmeasured_weight', 'capacity'] -%}
    {{ to_weight('sum(' ~ priced_weight(column) ~ ')') }} as {{ column }},
    {% endfor -%}
    split_basis
from weighed
group by {{ line }}, model_id, split_basis
