{#- The value of one tag; NULL where the tag is absent or empty. -#}
{% macro tag_value(tags, key) -%}
    {{ return(adapter.dispatch('tag_value', 'triptych')(tags, key)) }}
{%- endmacro %}

{% macro default__tag_value(tags, key) -%}
    nullif({{ tags }}[{{ sql_text(key) }}], '')
{%- endmacro %}

{#- Several maps as one; of equal keys the last map wins. -#}
{#- In Spark that holds under spark.sql.mapKeyDedupPolicy LAST_WIN, which a run sets. -#}
{% macro merged_tags(maps) -%}
    {%- set present = [] -%}
    {%- for map in maps -%}
        {%- do present.append("coalesce(" ~ map ~ ", cast(map() as " ~ tags_type() ~ "))") -%}
    {%- endfor -%}
    {{ return("map_concat(" ~ present | join(", ") ~ ")") }}
{%- endmacro %}
