{#-
  How a charge is bought, as a small number: a correction of an earlier invoice; a commitment
  that is bought; then what pays the price of the contract, of a commitment or of a spot market.
-#}
{% macro purchases() -%}
    {{ return(['correction', 'commitment_fee', 'on_demand', 'committed', 'spot']) }}
{%- endmacro %}

{% macro purchase_code() -%}
    case
        when charge_class = 'Correction' then 1
        when commitment_discount_id is not null and charge_category = 'Purchase' then 2
        when commitment_discount_id is not null and coalesce(commitment_discount_status, 'Used') = 'Used' then 4
        when
            pricing_category = 'Dynamic'
            or {{ matches_regex('lower(sku_meter)', "'spotusage'") }}
            or {{ matches_regex('lower(charge_description)', "'(^| )(spot|preemptible) '") }}
            then 5
        else 3
    end
{%- endmacro %}

{#- Does a line take something off what others of its SKU cost, and use none of it: a discount, or AWS's negation? -#}
{% macro is_reduction() -%}
    (
        billed_cost < 0 and charge_category = 'Usage' and coalesce(charge_class, '') <> 'Correction'
        and pricing_quantity is null and consumed_quantity is null
    )
{%- endmacro %}

{% macro purchase_label(code) -%}
    case {{ code }}
    {%- for purchase in purchases() %}
        when {{ loop.index }} then '{{ purchase }}'
    {%- endfor %}
    end
{%- endmacro %}

{#-
  What has one price: a SKU in a region, and in a tier where its bill has those. Where a bill has a
  meter instead, as AWS's own has, that of a machine is the same on demand, on the spot market and
  under a reservation.
-#}
{% macro sku_key() -%}
    {%- set meter = regex_replaced("lower(coalesce(sku_meter, ''))", "'(box|spot|heavy)usage'") -%}
    coalesce(service_name, '') || ' ' || coalesce(sku_id, {{ meter }}) || ' ' || coalesce(region_id, '') || price_tier
{%- endmacro %}

{#-
  How a model API serves, and from which length of a prompt on, where that has a price of its own:
  Anthropic calls tokens of a batch and others by one name. Empty for what is usual.
-#}
{% macro price_tier() -%}
    case
        when sku_price_details like '%"ServiceTier"%' or sku_price_details like '%"ContextWindow"%'
            then
                {%- for name, usual in [('ServiceTier', ['standard', 'default']), ('ContextWindow', ['0-200k'])] %}
                {%- set part = regex_group('sku_price_details', "'\"" ~ name ~ "\": \"([^\"]*)\"'", 1) %}
                case when {{ part }} in ('', '{{ usual | join("', '") }}') then '' else ' ' || {{ part }} end
                {{- " ||" if not loop.last }}
                {%- endfor %}
        else ''
    end
{%- endmacro %}

{#-
  What is divided, or belongs to a model, as one: a pool, a model's own charges, those of teams
  and features, or what nobody has. The same of a charge and of a part of the daily cost.
-#}
{% macro origin_of_charge() -%}
    case
        when costs.component = 'shared' then 'pool ' || coalesce(costs.target, '')
        when costs.component = 'direct' and costs.target_kind = 'model'
            then 'model ' || coalesce(aliases.model_id, costs.target)
        else costs.component
    end
{%- endmacro %}

{% macro origin_of_cost() -%}
    case
        when pool_id is not null then 'pool ' || pool_id
        when component = 'direct' and model_id is not null then 'model ' || model_id
        else component
    end
{%- endmacro %}

{#- An amount of a month at the exchange rates of an earlier one, by what its provider charges at either. -#}
{% macro at_prior_rates(amount, rates) -%}
    coalesce(
        {{ money_in_proportion(amount, rates ~ '.gross_cost_at_prior_rates', rates ~ '.gross_cost') }},
        {{ to_money(amount) }}
    )
{%- endmacro %}

{#- What moved an origin, as the part of one of its rows; nothing where no row has cost to divide it by. -#}
{% macro part_of_origin(amount, origin) -%}
    case
        when share is null or {{ amount }} is null then 0
        else {{ allocate_exactly(amount, 'share', origin, "coalesce(model_id, ''), cost_line") }}
    end
{%- endmacro %}
