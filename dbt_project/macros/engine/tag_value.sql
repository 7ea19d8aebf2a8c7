{#- The value of one tag; NULL where the tag is absent or empty. -#}
{% macro tag_value(tags, key) -%}
    {{ return(adapter.dispatch('tag_value', 'triptych')(tags, key)) }}
{%- endmacro %}

{% macro default__tag_value(tags, key) -%}
    nullif({{ tags }}[{{ sql_text(key) }}], '')
{%- endmacro %}

{#- The value of the first of these tags that is there and not empty; the others are looked up only where it is not. -#}
{% macro first_tag_value(tags, keys) -%}
    case
        {%- for key in keys %}
        when {{ tags }}[{{ sql_text(key) }}] <> '' then {{ tags }}[{{ sql_text(key) }}]
        {%- endfor %}
    end
{%- endmacro %}

{#- The value of the first tag whose key is one of these whatever its case; NULL where there is none. -#}
{% macro folded_tag_value(tags, keys) -%}
    {{ return(adapter.dispatch('folded_tag_value', 'triptych')(tags, keys)) }}
{%- endmacro %}

{% macro default__folded_tag_value(tags, keys) -%}
    nullif(list_extract(list_filter(
        map_entries({{ tags }}), lambda entry: lower(entry.key) in ({{ sql_texts(keys) }}) and entry.value <> ''
    ), 1).value, '')
{%- endmacro %}

{% macro spark__folded_tag_value(tags, keys) -%}
    get(filter(
        map_entries({{ tags }}), entry -> lower(entry.key) in ({{ sql_texts(keys) }}) and entry.value <> ''
    ), 0).value
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
