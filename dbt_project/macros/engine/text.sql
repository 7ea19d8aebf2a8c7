{#- Text predicates that engines spell differently. -#}

{% macro starts_with(column, prefix) -%}
    {{ return(adapter.dispatch('starts_with', 'triptych')(column, prefix)) }}
{%- endmacro %}

{% macro default__starts_with(column, prefix) -%}
    starts_with({{ column }}, {{ prefix }})
{%- endmacro %}

{% macro spark__starts_with(column, prefix) -%}
    startswith({{ column }}, {{ prefix }})
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
