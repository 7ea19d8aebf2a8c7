{#- Tags: text to text. -#}
{% macro tags_type() -%}
    {{ return(adapter.dispatch('tags_type', 'triptych')()) }}
{%- endmacro %}

{% macro default__tags_type() -%}
    {{ return('map(string, string)') }}
{%- endmacro %}

{% macro spark__tags_type() -%}
    {{ return('map<string, string>') }}
{%- endmacro %}
