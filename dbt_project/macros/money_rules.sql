{#-
  The money rules of FOCUS that a line item can break by itself, with the predicate of
  a breach. Line items that break the same rules are summed together in the one pass
  over the evidence: that warns, and never changes an amount.
  A credit above zero breaks no rule of FOCUS, and is rarely meant.
  Source: FOCUS specification, columns BilledCost, EffectiveCost, ConsumedQuantity and
  attribute discount handling.
-#}
{% macro money_rules() -%}
    {{ return([
        {
            'id': 'M2',
            'column': 'commitment_counted_twice_count',
            'description': 'A charge under a commitment is counted in both amounts: effective cost on its purchase, or billed cost on covered usage.',
            'breach': "commitment_discount_id is not null and ("
                ~ "(charge_category = 'Purchase' and effective_cost <> 0)"
                ~ " or (commitment_discount_status in ('Used', 'Unused') and billed_cost <> 0))",
        },
        {
            'id': 'M4',
            'column': 'billed_differs_from_effective_count',
            'description': 'A charge without a commitment has a billed cost that differs from its effective cost.',
            'breach': "commitment_discount_id is null and charge_category in ('Usage', 'Purchase')"
                ~ " and not coalesce(is_estimated, false) and billed_cost <> effective_cost",
        },
        {
            'id': 'M7',
            'column': 'consumed_without_usage_count',
            'description': 'A charge that is no usage, or an unused commitment, states a consumed quantity.',
            'breach': "consumed_quantity is not null"
                ~ " and (charge_category <> 'Usage' or commitment_discount_status = 'Unused')",
        },
        {
            'id': 'M9',
            'column': 'tax_or_credit_differs_count',
            'description': 'A tax or a credit has a billed cost that differs from its effective cost.',
            'breach': "charge_category in ('Tax', 'Credit') and billed_cost <> effective_cost",
        },
        {
            'id': 'C3',
            'column': 'positive_credit_count',
            'description': 'Credits are above zero, so they add to the cost. Write them with a negative sign, or correct their ChargeCategory.',
            'breach': is_positive_credit(),
        },
    ]) }}
{%- endmacro %}

{#-
  Which rules a line item breaks, as one number: rule n adds 2 to the power of n. Most are
  plain usage with equal amounts, which breaks none and is not asked about each.
-#}
{% macro breach_code() -%}
    case
        when
            charge_category = 'Usage'
            and billed_cost = effective_cost
            and commitment_discount_id is null
            and commitment_discount_status is null
            then 0
        else
        {%- for rule in money_rules() %}
            {{ "+ " if not loop.first }}case when {{ rule.breach }} then {{ 2 ** loop.index0 }} else 0 end
        {%- endfor %}
    end
{%- endmacro %}

{#- Does a breach code hold the rule at a position? -#}
{% macro breaks(code, position) -%}
    {{ integer_quotient(code, 2 ** position) }} % 2 = 1
{%- endmacro %}
