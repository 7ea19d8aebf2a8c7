{#-
  Every part of a bridge's line in both of its months, by the origin that it is a part of: cost,
  what of it is for earlier months, what is not invoiced yet, and each of the later month
  at the earlier month's exchange rates, too. What is not billed has no billed amount to take its
  rate from.
-#}
{%- set amounts = ['cost', 'correction', 'not_invoiced'] %}
{%- set keys = ['source', 'provider', 'origin', 'model_id', 'cost_line', 'basis', 'currency'] %}
{%- set nothing = 'cast(null as decimal(38, 10))' %}
with costs as (
    select * from {{ ref('int_monthly_model_costs') }}
),

months as (
    select distinct billing_month from costs
),

sides as (
    select
        {% for key in keys -%}
        costs.{{ key }},
        {% endfor -%}
        {% for amount in amounts -%}
        costs.{{ amount }} as prior_{{ amount }},
        {{ nothing }} as {{ amount }},
        {{ nothing }} as {{ amount }}_at_prior_rates,
        {% endfor -%}
        earlier.billing_month as prior_billing_month,
        later.billing_month
    from costs
    inner join months as earlier on costs.billing_month = earlier.billing_month
    inner join months as later on earlier.billing_month < later.billing_month
    union all
    select
        {% for key in keys -%}
        costs.{{ key }},
        {% endfor -%}
        {% for amount in amounts -%}
        {{ nothing }} as prior_{{ amount }},
        costs.{{ amount }},
        {{ at_prior_rates('costs.' ~ amount, 'used_rates' if amount == 'not_invoiced' else 'rates') }}
            as {{ amount }}_at_prior_rates,
        {% endfor -%}
        earlier.billing_month as prior_billing_month,
        costs.billing_month
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
    left join {{ ref('int_month_pairs_at_prior_rates') }} as used_rates
        on
            earlier.billing_month = used_rates.prior_billing_month
            and costs.billing_month = used_rates.billing_month
            and costs.source = used_rates.source
            and coalesce(costs.provider, '') = coalesce(used_rates.provider, '')
            and 'effective' = used_rates.basis
            and costs.currency = used_rates.currency
)

select
    {{ keys | join(',\n    ') }},
    {% for amount in amounts -%}
    sum(prior_{{ amount }}) as prior_{{ amount }},
    sum({{ amount }}) as {{ amount }},
    sum({{ amount }}_at_prior_rates) as {{ amount }}_at_prior_rates,
    {% endfor -%}
    prior_billing_month,
    billing_month
from sides
group by prior_billing_month, billing_month, {{ keys | join(', ') }}
