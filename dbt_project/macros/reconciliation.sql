{#-
  How far an invoice and a ledger may differ. Both limits are those of the finance
  controls: nothing else decides what counts as reconciled.
-#}

{#- What an invoice and its ledger are held together by: how they were found, and by what. -#}
{% macro reconciliation_key(kind, issuer, subject) -%}
    '{{ kind }}' || chr(31) || {{ issuer }} || chr(31) || {{ subject }}
{%- endmacro %}

{#- The part of a key between its separators. -#}
{% macro reconciliation_kind(key) -%}
    split_part({{ key }}, chr(31), 1)
{%- endmacro %}

{% macro reconciliation_issuer(key) -%}
    split_part({{ key }}, chr(31), 2)
{%- endmacro %}

{#- The smallest unit that a currency is invoiced in. Source: ISO 4217, minor units. -#}
{% macro smallest_currency_unit(currency) -%}
    case
        when {{ currency }} in (
            'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF'
        ) then cast(1 as decimal(4, 3))
        when {{ currency }} in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then cast(0.001 as decimal(4, 3))
        else cast(0.01 as decimal(4, 3))
    end
{%- endmacro %}

{#-
  The gap that rounding may leave between an invoice and so many charges:
  max(100 s, 0.5 s sqrt(n)), s being the smallest unit of the currency.
  Source: FOCUS 1.4, Invoice Detail against Cost and Usage.
-#}
{% macro rounding_gap(currency, charge_count) -%}
    {{ to_money(
        'greatest(cast(100 as decimal(20, 10)), cast(0.5 * sqrt(cast(' ~ charge_count ~ ' as double)) as decimal(20, 10))) * '
        ~ smallest_currency_unit(currency)
    ) }}
{%- endmacro %}

{#- What may stay unexplained: one unit of the currency or a hundredth of a percent. -#}
{% macro reconciliation_tolerance(invoiced) -%}
    greatest(
        {{ to_money('1') }},
        {{ to_money('cast(0.0001 as decimal(5, 4)) * abs(' ~ invoiced ~ ')') }}
    )
{%- endmacro %}

{#- An amount as a sentence has it: two decimals. -#}
{% macro amount_text(amount) -%}
    cast(cast({{ amount }} as decimal(28, 2)) as string)
{%- endmacro %}
