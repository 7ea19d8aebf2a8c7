{#- The day of a moment on the calendar of the organisation, and the month of that. -#}
{% macro local_day(moment, rules='rules') -%}
    cast({{ local_time(moment, rules ~ '.time_zone') }} as date)
{%- endmacro %}

{% macro local_month(moment, rules='rules') -%}
    {{ month_label(local_time(moment, rules ~ '.time_zone')) }}
{%- endmacro %}
