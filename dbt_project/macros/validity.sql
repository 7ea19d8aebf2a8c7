{#- Whether a row holds on a day: from its first day to before its last, open where a bound is NULL. -#}
{% macro is_valid_on(row, day) -%}
    {{ day }} >= coalesce({{ row }}.valid_from, cast('1900-01-01' as date))
    and {{ day }} < coalesce({{ row }}.valid_to, cast('2200-01-01' as date))
{%- endmacro %}
