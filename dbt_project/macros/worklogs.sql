{#-
  The site that a source reads worklogs of, whose ids are the site's own; NULL where only
  one site is read, or where it is not known.
-#}
{% macro worklog_site(source, sites) -%}
    {%- if sites -%}
        case {{ source }}
        {%- for each in sites %}
            when {{ sql_text(each.source) }} then {{ sql_text(each.site) }}
        {%- endfor %}
        end
    {%- else -%}
        cast(null as string)
    {%- endif -%}
{%- endmacro %}

{#- The team of a booking; where one of two systems that tell of it names none, the other's. -#}
{% macro team_of_booking(logs) -%}
    coalesce({{ logs }}.team_id, max({{ logs }}.team_id) over (partition by {{ logs }}.worklog_id, {{ logs }}.hours))
{%- endmacro %}
