{#- In a select list: one row for each member of a list, the other columns repeated. -#}
{% macro each_of(list) -%}
    {{ return(adapter.dispatch('each_of', 'triptych')(list)) }}
{%- endmacro %}

{% macro default__each_of(list) -%}
    unnest({{ list }})
{%- endmacro %}

{% macro spark__each_of(list) -%}
    explode({{ list }})
{%- endmacro %}
