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

{#- The different texts of a group in order, separated by commas; NULL where there is none. -#}
{% macro distinct_texts(text) -%}
    {{ return(adapter.dispatch('distinct_texts', 'triptych')(text)) }}
{%- endmacro %}

{% macro default__distinct_texts(text) -%}
    string_agg(distinct {{ text }}, ', ' order by {{ text }})
{%- endmacro %}

{% macro spark__distinct_texts(text) -%}
    case when count({{ text }}) > 0 then array_join(sort_array(collect_set({{ text }})), ', ') end
{%- endmacro %}

{#- The values of a group as a list, the least first, without what is NULL. -#}
{% macro sorted_values(value) -%}
    {{ return(adapter.dispatch('sorted_values', 'triptych')(value)) }}
{%- endmacro %}

{% macro default__sorted_values(value) -%}
    list_sort(list({{ value }}) filter (where {{ value }} is not null))
{%- endmacro %}

{% macro spark__sorted_values(value) -%}
    sort_array(collect_list({{ value }}))
{%- endmacro %}

{#- The values of a group's lists as one list, the least first. -#}
{% macro merged_values(values) -%}
    {{ return(adapter.dispatch('merged_values', 'triptych')(values)) }}
{%- endmacro %}

{% macro default__merged_values(values) -%}
    list_sort(flatten(list({{ values }})))
{%- endmacro %}

{% macro spark__merged_values(values) -%}
    sort_array(flatten(collect_list({{ values }})))
{%- endmacro %}

{#- The member of a list at a place from 1 on. -#}
{% macro value_at(list, place) -%}
    {{ return(adapter.dispatch('value_at', 'triptych')(list, place)) }}
{%- endmacro %}

{% macro default__value_at(list, place) -%}
    list_extract({{ list }}, {{ place }})
{%- endmacro %}

{% macro spark__value_at(list, place) -%}
    element_at({{ list }}, cast({{ place }} as int))
{%- endmacro %}

{#- A list of some SQL values. -#}
{% macro list_of(values) -%}
    {{ return(adapter.dispatch('list_of', 'triptych')(values)) }}
{%- endmacro %}

{% macro default__list_of(values) -%}
    {{ return('list_value(' ~ values | join(', ') ~ ')') }}
{%- endmacro %}

{% macro spark__list_of(values) -%}
    {{ return('array(' ~ values | join(', ') ~ ')') }}
{%- endmacro %}

{#- The place from 1 on where a list has a value first; NULL where it has none. -#}
{% macro place_in(list, value) -%}
    {{ return(adapter.dispatch('place_in', 'triptych')(list, value)) }}
{%- endmacro %}

{% macro default__place_in(list, value) -%}
    {{ return('list_position(' ~ list ~ ', ' ~ value ~ ')') }}
{%- endmacro %}

{% macro spark__place_in(list, value) -%}
    {{ return('nullif(array_position(' ~ list ~ ', ' ~ value ~ '), 0)') }}
{%- endmacro %}
