{#- An amount rounded to the minor unit of its currency (ISO 4217), half a unit away from zero. -#}
{% macro to_minor_unit(amount, currency='currency') -%}
    {%- set rounded -%}
        case
            when {{ currency }} in ('{{ currencies_without_minor_unit() | join("', '") }}') then round({{ amount }}, 0)
            when {{ currency }} in ('{{ currencies_of_thousandths() | join("', '") }}') then round({{ amount }}, 3)
            else round({{ amount }}, 2)
        end
    {%- endset -%}
    {{ to_money(rounded) }}
{%- endmacro %}

{% macro currencies_without_minor_unit() -%}
    {{ return([
        'BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'VND', 'VUV', 'XAF', 'XOF', 'XPF',
    ]) }}
{%- endmacro %}

{% macro currencies_of_thousandths() -%}
    {{ return(['BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND']) }}
{%- endmacro %}
