{#- Text that engines write and look at differently. -#}

{#- A value as a text literal, whatever is in it. -#}
{% macro sql_text(value) -%}
    {{ return(adapter.dispatch('sql_text', 'triptych')(value)) }}
{%- endmacro %}

{% macro default__sql_text(value) -%}
    {{ return("'" ~ (value | string | replace("'", "''")) ~ "'") }}
{%- endmacro %}

{#- Spark reads a backslash in a literal as an escape, and two quotes as a seam. -#}
{% macro spark__sql_text(value) -%}
    {{ return("'" ~ (value | string | replace("\\", "\\\\") | replace("'", "\\'")) ~ "'") }}
{%- endmacro %}

{% macro starts_with(column, prefix) -%}
    {{ return(adapter.dispatch('starts_with', 'triptych')(column, prefix)) }}
{%- endmacro %}

{% macro default__starts_with(column, prefix) -%}
    starts_with({{ column }}, {{ prefix }})
{%- endmacro %}

{% macro spark__starts_with(column, prefix) -%}
    startswith({{ column }}, {{ prefix }})
{%- endmacro %}

{#- Whether a text has a piece in it, which is no pattern. -#}
{% macro has_piece(text, piece) -%}
    contains({{ text }}, {{ piece }})
{%- endmacro %}

{% macro matches_regex(column, pattern) -%}
    {{ return(adapter.dispatch('matches_regex', 'triptych')(column, pattern)) }}
{%- endmacro %}

{% macro default__matches_regex(column, pattern) -%}
    regexp_matches({{ column }}, {{ pattern }})
{%- endmacro %}

{% macro spark__matches_regex(column, pattern) -%}
    regexp_like({{ column }}, {{ pattern }})
{%- endmacro %}

{#- Lower-case words joined by hyphens, as an id. -#}
{% macro to_slug(text) -%}
    {{ return(adapter.dispatch('to_slug', 'triptych')(text)) }}
{%- endmacro %}

{% macro default__to_slug(text) -%}
    trim(regexp_replace(lower({{ text }}), '[^a-z0-9]+', '-', 'g'), '-')
{%- endmacro %}

{% macro spark__to_slug(text) -%}
    trim(both '-' from regexp_replace(lower({{ text }}), '[^a-z0-9]+', '-'))
{%- endmacro %}

{#- A group of the first match of a pattern, which has no backslash; empty where nothing matches. -#}
{% macro regex_group(text, pattern, group) -%}
    {{ return('regexp_extract(' ~ text ~ ', ' ~ pattern ~ ', ' ~ group ~ ')') }}
{%- endmacro %}

{#- A text in which the two groups of a pattern, which follow each other, have changed places. -#}
{% macro regex_swapped(text, pattern) -%}
    {{ return(adapter.dispatch('regex_swapped', 'triptych')(text, pattern)) }}
{%- endmacro %}

{% macro default__regex_swapped(text, pattern) -%}
    regexp_replace({{ text }}, {{ pattern }}, '\2\1')
{%- endmacro %}

{% macro spark__regex_swapped(text, pattern) -%}
    regexp_replace({{ text }}, {{ pattern }}, '$2$1')
{%- endmacro %}

{#- A text without its match of a pattern that stands at its beginning or its end. -#}
{% macro regex_replaced(text, pattern) -%}
    {{ return('regexp_replace(' ~ text ~ ", " ~ pattern ~ ", '')") }}
{%- endmacro %}
