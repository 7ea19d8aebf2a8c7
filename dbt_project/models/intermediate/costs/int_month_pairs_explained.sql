{#-
  What prices, purchases, kinds and quantities on the bill did to each part of a bridge's line:
  what they did to its origin, divided by the cost that the parts have in the later month
  before corrections. What only one of the months buys at an origin is new or retired as a whole.
-#}
{%- set bars = ['rate', 'purchase_mix', 'kind_mix', 'quantity', 'new', 'retired', 'correction'] %}
{%- set origin = ['prior_billing_month', 'billing_month', 'basis', 'currency', 'source', 'provider', 'origin'] %}
with parts as (
    select
        *,
        coalesce(cost_at_prior_rates - correction_at_prior_rates + not_invoiced_at_prior_rates, 0) as net_cost,
        coalesce(prior_cost - prior_correction + prior_not_invoiced, 0) as prior_net_cost,
        count(prior_cost) over of_origin = 0 as is_new_origin,
        count(cost) over of_origin = 0 as is_retired_origin
    from {{ ref('int_month_pairs_costs') }}
    window of_origin as (partition by {{ origin | join(', ') }})
),

weighed as (
    select
        *,
        {{ money_as_weight('case when net_cost > 0 then net_cost else 0 end') }} as weight
    from parts
),

totals as (
    select
        *,
        sum(weight) over (partition by {{ origin | join(', ') }}) as origin_weight
    from weighed
),

shares as (
    select
        totals.*,
        {{ to_share('totals.weight', 'totals.origin_weight') }} as share,
        {% for bar in bars -%}
        effects.{{ bar }}_amount,
        {% endfor -%}
        effects.unknown_rate_cost
    from totals
    left join {{ ref('int_month_pairs_effects') }} as effects
        on
            totals.prior_billing_month = effects.prior_billing_month
            and totals.billing_month = effects.billing_month
            and totals.basis = effects.basis
            and totals.currency = effects.currency
            and totals.source = effects.source
            and coalesce(totals.provider, '') = effects.provider
            and totals.origin = effects.origin
)

select
    {{ origin | join(',\n    ') }},
    model_id,
    cost_line,
    {% for amount in ['cost', 'correction', 'not_invoiced'] -%}
    prior_{{ amount }},
    {{ amount }},
    {{ amount }}_at_prior_rates,
    {% endfor -%}
    {% for bar in ['rate', 'purchase_mix', 'kind_mix', 'quantity', 'correction'] -%}
    {{ part_of_origin(bar ~ '_amount', origin) }} as {{ bar }}_amount,
    {% endfor -%}
    {{ part_of_origin('new_amount', origin) }} + case when is_new_origin then net_cost else 0 end as new_amount,
    {{ part_of_origin('retired_amount', origin) }} - case when is_retired_origin then prior_net_cost else 0 end
        as retired_amount,
    {{ part_of_origin('unknown_rate_cost', origin) }} as unknown_rate_cost
from shares
