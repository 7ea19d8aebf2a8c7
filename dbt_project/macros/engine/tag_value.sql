{#- The value of one tag; NULL where the tag is absent. -#}
{% macro tag_value(tags, key) -%}
    {{ return(adapter.dispatch('tag_value', 'triptych')(tags, key)) }}
{%- endmacro %}

{% macro default__tag_value(tags, key) -%}
    {{ tags }}['{{ key | replace("'", "''") }}']
{%- endmacro %}
