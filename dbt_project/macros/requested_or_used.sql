{#- What a workload takes from others: requested or used, whichever is more. -#}
{% macro most_of(requested, used) -%}
    {{ return('greatest(coalesce(' ~ requested ~ ', 0), coalesce(' ~ used ~ ', 0))') }}
{%- endmacro %}

{#- What was requested and not used; nothing where it is unknown what was used. -#}
{% macro unused_of(requested, used) -%}
    {{ return('greatest(coalesce(' ~ requested ~ ' - ' ~ used ~ ', 0), 0)') }}
{%- endmacro %}

{#- What was requested where it is unknown what was used: held, and perhaps idle. -#}
{% macro unmeasured_of(requested, used) -%}
    {{ return('case when ' ~ used ~ ' is null then coalesce(' ~ requested ~ ', 0) else 0 end') }}
{%- endmacro %}
