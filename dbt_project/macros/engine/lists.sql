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

{#- The different texts of a group in order, separated by commas. -#}
{% macro distinct_texts(text) -%}
    {{ return(adapter.dispatch('distinct_texts', 'triptych')(text)) }}
{%- endmacro %}

{% macro default__distinct_texts(text) -%}
    string_agg(distinct {{ text }}, ', ' order by {{ text }})
{%- endmacro %}

{% macro spark__distinct_texts(text) -%}
    array_join(sort_array(collect_set({{ text }})), ', ')
{%- endmacro %}
