{#-
  Every line of a bridge in both of its months: cost, cost at the earlier month's exchange rates,
  what the bill says moved it, and the quantity in the one unit in which both months are metered.
  Input and output tokens are never added: they have different prices.
-#}
{%- set units = ['requests', 'input_tokens', 'output_tokens', 'gpu_hours'] %}
{%- set amounts = ['correction', 'not_invoiced'] %}
{%- set effects = [
    'rate_amount', 'purchase_mix_amount', 'kind_mix_amount', 'quantity_amount', 'new_amount', 'retired_amount',
    'correction_amount', 'unknown_rate_cost',
] %}
with pairs as (
    select
        prior_billing_month,
        billing_month,
        model_id,
        cost_line,
        basis,
        currency,
        {% for amount in amounts -%}
        coalesce(sum(prior_{{ amount }}), 0) as prior_{{ amount }},
        coalesce(sum({{ amount }}), 0) as {{ amount }},
        coalesce(sum({{ amount }}_at_prior_rates), 0) as {{ amount }}_at_prior_rates,
        {% endfor -%}
        {% for effect in effects -%}
        sum({{ effect }}) as {{ effect }},
        {% endfor -%}
        sum(prior_cost) as prior_cost,
        sum(cost) as cost,
        sum(cost_at_prior_rates) as cost_at_prior_rates
    from {{ ref('int_month_pairs_explained') }}
    group by prior_billing_month, billing_month, model_id, cost_line, basis, currency
),

metered as (
    select
        pairs.*,
        {% for unit in units -%}
        prior_units.{{ unit }} as prior_{{ unit }},
        own_units.{{ unit }},
        {% endfor -%}
        coalesce(prior_units.input_tokens, 0) + coalesce(own_units.input_tokens, 0) > 0
        and coalesce(prior_units.output_tokens, 0) + coalesce(own_units.output_tokens, 0) > 0 as has_two_kinds_of_tokens
    from pairs
    left join {{ ref('mart_model_unit_costs') }} as prior_units
        on
            pairs.prior_billing_month = prior_units.billing_month
            and pairs.model_id = prior_units.model_id
            and pairs.currency = prior_units.currency
            and pairs.cost_line = 'usage'
    left join {{ ref('mart_model_unit_costs') }} as own_units
        on
            pairs.billing_month = own_units.billing_month
            and pairs.model_id = own_units.model_id
            and pairs.currency = own_units.currency
            and pairs.cost_line = 'usage'
),

with_unit as (
    select
        *,
        case
            {% for unit in units -%}
            when
                prior_{{ unit }} > 0 and {{ unit }} > 0
                {%- if unit.endswith('tokens') %} and not has_two_kinds_of_tokens{% endif %}
                then '{{ unit }}'
            {% endfor -%}
            {% for unit in units -%}
            when
                prior_{{ unit }} >= 0 and {{ unit }} >= 0 and prior_{{ unit }} + {{ unit }} > 0
                {%- if unit.endswith('tokens') %} and not has_two_kinds_of_tokens{% endif %}
                then '{{ unit }}'
            {% endfor -%}
        end as unit
    from metered
)

select
    prior_billing_month,
    billing_month,
    model_id,
    cost_line,
    basis,
    currency,
    prior_cost,
    cost,
    cost_at_prior_rates,
    {% for amount in amounts -%}
    {{ to_money('prior_' ~ amount) }} as prior_{{ amount }},
    {{ to_money(amount) }} as {{ amount }},
    {{ to_money(amount ~ '_at_prior_rates') }} as {{ amount }}_at_prior_rates,
    {% endfor -%}
    {% for effect in effects -%}
    {{ to_money(effect) }} as {{ effect }},
    {% endfor -%}
    unit,
    has_two_kinds_of_tokens,
    case unit
        {% for unit in units -%}
        when '{{ unit }}' then prior_{{ unit }}
        {% endfor -%}
    end as prior_quantity,
    case unit
        {% for unit in units -%}
        when '{{ unit }}' then {{ unit }}
        {% endfor -%}
    end as quantity
from with_unit
