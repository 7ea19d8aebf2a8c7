{#- Infinity, the last bound of every histogram. -#}
{% macro infinity() -%}
    cast('Infinity' as double)
{%- endmacro %}
