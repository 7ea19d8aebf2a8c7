{#-
  Every SKU of an origin in both of two months, in the bill's own currency: what it cost, how
  much of it was used, and what its price did. The quantity of the later month at what a unit
  cost in the earlier one is its expected cost. A rate moves only with the price of the contract
  or of the list, or with a discount on it: of what pays that price, its move times the quantity of
  the later month. Where both months have some on demand, the price is what these pay.
  A price that follows from cost and quantity alone is the same within a ten-thousandth, or where it
  moves less than a hundredth of the currency in all: bills round each line.
-#}
{%- set keys = ['source', 'provider', 'billing_currency', 'origin', 'sku', 'unit'] %}
{%- set sides = {'earlier': 'prior_', 'later': ''} %}
{%- set amounts = ['cost', 'correction', 'fee'] %}
{#- Cast once for each SKU and month, and not for each pair of months. -#}
{%- set in_doubles = [
    'effective_cost', 'billed_cost', 'quantity', 'on_demand_quantity', 'on_demand_cost_at_price', 'priced_quantity',
    'cost_at_price',
] %}
{%- set pays_price = "purchase in ('on_demand', 'committed')" %}
{%- set used = "purchase not in ('correction', 'commitment_fee')" %}
with charges as (
    select
        costs.*,
        {{ origin_of_charge() }} as origin,
        -- A discount that names no unit is on the unit of its SKU.
        coalesce(costs.unit, max(costs.unit) over same_sku, '') as unit_of_sku
    from {{ ref('int_charges_by_sku') }} as costs
    left join {{ source('control', 'catalog_model_aliases') }} as aliases
        on costs.target_kind = 'model' and costs.target = aliases.alias
    where costs.component in ('shared', 'direct', 'unallocated')
    window same_sku as (
        partition by
            costs.billing_month, costs.source, costs.provider, costs.billing_currency, costs.component,
            costs.target_kind, costs.target, costs.sku
    )
),

skus as (
    select
        billing_month,
        source,
        coalesce(provider, '') as provider,
        billing_currency,
        origin,
        sku,
        unit_of_sku as unit,
        {% for basis in ['effective', 'billed'] -%}
        {{ to_money('sum(case when ' ~ used ~ ' then ' ~ basis ~ '_cost else 0 end)') }} as {{ basis }}_cost,
        {{ to_money("sum(case when purchase = 'correction' then " ~ basis ~ '_cost else 0 end)') }}
            as {{ basis }}_correction,
        {{ to_money("sum(case when purchase = 'commitment_fee' then " ~ basis ~ '_cost else 0 end)') }}
            as {{ basis }}_fee,
        {% endfor -%}
        case
            when count(case when {{ used }} and quantity is null then 1 end) = 0
                then sum(case when {{ used }} then quantity end)
        end as quantity,
        sum(case when purchase = 'on_demand' then quantity end) as on_demand_quantity,
        sum(case when purchase = 'on_demand' and quantity is not null then cost_at_price end)
            as on_demand_cost_at_price,
        sum(case when {{ pays_price }} and cost_at_price is not null then quantity end)
            as priced_quantity,
        sum(case when {{ pays_price }} and quantity is not null then cost_at_price end)
            as cost_at_price,
        {% for limit, extreme in {'lowest': 'min', 'highest': 'max'}.items() -%}
        case
            when count(case when {{ pays_price }} and {{ limit }}_unit_price is null then 1 end) = 0
                then {{ extreme }}(case when {{ pays_price }} then {{ limit }}_unit_price end)
        end as {{ limit }}_unit_price,
        {% endfor -%}
        count(case when purchase in ('committed', 'spot') then 1 end) > 0 as is_bought_otherwise
    from charges
    group by 1, 2, 3, 4, 5, 6, 7
),

with_doubles as (
    select
        {% for column in in_doubles -%}
        cast({{ column }} as double) as {{ column }}_double,
        {% endfor -%}
        *
    from skus
),

months as (
    select distinct billing_month from skus
),

names as (
    select distinct {{ keys | join(', ') }} from skus
),

paired as (
    select
        earlier_months.billing_month as prior_billing_month,
        later_months.billing_month,
        {% for key in keys -%}
        names.{{ key }},
        {% endfor -%}
        {% for side, prefix in sides.items() -%}
        {% for basis in ['effective', 'billed'] -%}
        {% for amount in amounts -%}
        coalesce({{ side }}.{{ basis }}_{{ amount }}, 0) as {{ prefix }}{{ basis }}_{{ amount }},
        {% endfor -%}
        {% endfor -%}
        {{ side }}.quantity as {{ prefix }}quantity,
        {{ side }}.on_demand_quantity as {{ prefix }}on_demand_quantity,
        {{ side }}.on_demand_cost_at_price as {{ prefix }}on_demand_cost_at_price,
        {{ side }}.priced_quantity as {{ prefix }}priced_quantity,
        {{ side }}.cost_at_price as {{ prefix }}cost_at_price,
        {{ side }}.lowest_unit_price as {{ prefix }}lowest_unit_price,
        {{ side }}.highest_unit_price as {{ prefix }}highest_unit_price,
        {% for column in in_doubles -%}
        {{ side }}.{{ column }}_double as {{ prefix }}{{ column }}_double,
        {% endfor -%}
        {% endfor -%}
        coalesce(earlier.is_bought_otherwise, false) or coalesce(later.is_bought_otherwise, false)
            as is_bought_otherwise,
        earlier.sku is null as is_new,
        later.sku is null as is_retired,
        coalesce(earlier.quantity > 0 and later.quantity > 0, false) as has_quantities,
        coalesce(earlier.on_demand_quantity > 0 and later.on_demand_quantity > 0, false) as pays_on_demand,
        coalesce(earlier.priced_quantity > 0 and later.priced_quantity > 0, false) as has_prices
    from months as earlier_months
    inner join months as later_months on earlier_months.billing_month < later_months.billing_month
    cross join names
    {% for side in sides -%}
    left join with_doubles as {{ side }}
        on
            {{ side }}_months.billing_month = {{ side }}.billing_month
            {% for key in keys -%}
            and names.{{ key }} = {{ side }}.{{ key }}
            {% endfor %}
    {% endfor -%}
    where earlier.sku is not null or later.sku is not null
),

priced as (
    select
        {% for suffix in ['', '_double'] -%}
        case when pays_on_demand then prior_on_demand_quantity{{ suffix }} else prior_priced_quantity{{ suffix }} end
            as prior_price_quantity{{ suffix }},
        case when pays_on_demand then prior_on_demand_cost_at_price{{ suffix }} else prior_cost_at_price{{ suffix }} end
            as prior_price_cost_at_price{{ suffix }},
        {% endfor -%}
        *
    from paired
),

moved as (
    select
        *,
        lowest_unit_price is null or prior_lowest_unit_price is null as is_price_worked_out,
        case
            when pays_on_demand then on_demand_cost_at_price
            else {{ money_at_quantity('cost_at_price', 'on_demand_quantity', 'priced_quantity', '_double') }}
        end as own_price_cost,
        {{ money_at_quantity(
            'prior_price_cost_at_price', 'on_demand_quantity', 'prior_price_quantity', '_double'
        ) }} as prior_price_cost
    from priced
),

rated as (
    select
        *,
        case
            when not has_quantities or not has_prices or coalesce(on_demand_quantity, 0) <= 0 then 0
            when lowest_unit_price = prior_lowest_unit_price and highest_unit_price = prior_highest_unit_price then 0
            when
                is_price_worked_out
                and abs(own_price_cost - prior_price_cost) <= greatest(abs(own_price_cost) * 0.0001, 0.01)
                then 0
            else {{ to_money('own_price_cost - prior_price_cost') }}
        end as rate_amount
    from moved
)

{% for basis in ['effective', 'billed'] -%}
select
    prior_billing_month,
    billing_month,
    {{ keys | join(',\n    ') }},
    '{{ basis }}' as basis,
    prior_{{ basis }}_cost as prior_cost,
    {{ basis }}_cost as cost,
    {{ basis }}_correction - prior_{{ basis }}_correction as correction_amount,
    {{ basis }}_fee - prior_{{ basis }}_fee as fee_amount,
    prior_quantity,
    quantity,
    case
        when has_quantities
            then {{ money_at_quantity('prior_' ~ basis ~ '_cost', 'quantity', 'prior_quantity', '_double') }}
        when is_new and quantity > 0 then {{ basis }}_cost
    end as expected_cost,
    rate_amount,
    has_prices,
    is_price_worked_out,
    is_bought_otherwise,
    is_new,
    is_retired
from rated
{{ "union all" if not loop.last }}
{% endfor %}
