{#- What a workload takes from others: requested or used, whichever is more. -#}
{% macro most_of(requested, used) -%}
    {{ return('greatest(coalesce(' ~ requested ~ ', 0), coalesce(' ~ used ~ ', 0))') }}
{%- endmacro %}

{#- What was requested and not used; nothing where it is unknown what was used. -#}
{% macro unused_of(requested, used) -%}
    {{ return('greatest(coalesce(' ~ requested ~ ' - ' ~ used ~ ', 0), 0)') }}
{%- endmacro %}
