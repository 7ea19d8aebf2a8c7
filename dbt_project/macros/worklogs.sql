{#- The team of a booking; where one of two systems that tell of it names none, the other's. -#}
{% macro team_of_booking(logs) -%}
    coalesce({{ logs }}.team_id, max({{ logs }}.team_id) over (partition by {{ logs }}.worklog_id, {{ logs }}.hours))
{%- endmacro %}
