{#-
  Every line of a bridge in both of its months: cost, cost at the earlier month's
  exchange rates, and the quantity in the one unit in which both months are metered.
  Input and output tokens are never added: they have different prices.
-#}
{%- set units = ['requests', 'input_tokens', 'output_tokens', 'gpu_hours'] %}
with costs as (
    select * from {{ ref('int_monthly_model_costs') }}
),

months as (
    select distinct billing_month from costs
),

sides as (
    select
        earlier.billing_month as prior_billing_month,
        later.billing_month,
        costs.model_id,
        costs.cost_line,
        costs.basis,
        costs.currency,
        costs.cost as prior_cost,
        costs.not_invoiced as prior_not_invoiced,
        cast(null as decimal(38, 10)) as cost,
        cast(null as decimal(38, 10)) as not_invoiced,
        cast(null as decimal(38, 10)) as cost_at_prior_rates,
        cast(null as decimal(38, 10)) as not_invoiced_at_prior_rates
    from costs
    inner join months as earlier on costs.billing_month = earlier.billing_month
    inner join months as later on earlier.billing_month < later.billing_month
    union all
    select
        earlier.billing_month as prior_billing_month,
        costs.billing_month,
        costs.model_id,
        costs.cost_line,
        costs.basis,
        costs.currency,
        cast(null as decimal(38, 10)) as prior_cost,
        cast(null as decimal(38, 10)) as prior_not_invoiced,
        costs.cost,
        costs.not_invoiced,
        coalesce(
            {{ money_in_proportion('costs.cost', 'rates.gross_cost_at_prior_rates', 'rates.gross_cost') }},
            {{ to_money('costs.cost') }}
        ) as cost_at_prior_rates,
        coalesce(
            {{ money_in_proportion(
                'costs.not_invoiced', 'used_rates.gross_cost_at_prior_rates', 'used_rates.gross_cost'
            ) }},
            {{ to_money('costs.not_invoiced') }}
        ) as not_invoiced_at_prior_rates
    from costs
    inner join months as earlier on costs.billing_month > earlier.billing_month
    left join {{ ref('int_month_pairs_at_prior_rates') }} as rates
        on
            earlier.billing_month = rates.prior_billing_month
            and costs.billing_month = rates.billing_month
            and costs.source = rates.source
            and coalesce(costs.provider, '') = coalesce(rates.provider, '')
            and costs.basis = rates.basis
            and costs.currency = rates.currency
    -- What is not billed yet has no billed amount to take its rate from.
    left join {{ ref('int_month_pairs_at_prior_rates') }} as used_rates
        on
            earlier.billing_month = used_rates.prior_billing_month
            and costs.billing_month = used_rates.billing_month
            and costs.source = used_rates.source
            and coalesce(costs.provider, '') = coalesce(used_rates.provider, '')
            and used_rates.basis = 'effective'
            and costs.currency = used_rates.currency
),

pairs as (
    select
        prior_billing_month,
        billing_month,
        model_id,
        cost_line,
        basis,
        currency,
        sum(prior_cost) as prior_cost,
        sum(cost) as cost,
        sum(cost_at_prior_rates) as cost_at_prior_rates,
        coalesce(sum(prior_not_invoiced), 0) as prior_not_invoiced,
        coalesce(sum(not_invoiced), 0) as not_invoiced,
        coalesce(sum(not_invoiced_at_prior_rates), 0) as not_invoiced_at_prior_rates
    from sides
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
    {{ to_money('prior_not_invoiced') }} as prior_not_invoiced,
    {{ to_money('not_invoiced') }} as not_invoiced,
    {{ to_money('not_invoiced_at_prior_rates') }} as not_invoiced_at_prior_rates,
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
