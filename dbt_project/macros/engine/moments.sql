{#- Moments: what engines spell differently of time zones and of parts of a second. -#}

{#- What clocks show in a time zone at a moment that is given in UTC. -#}
{% macro local_time(moment, time_zone) -%}
    {{ return(adapter.dispatch('local_time', 'triptych')(moment, time_zone)) }}
{%- endmacro %}

{% macro default__local_time(moment, time_zone) -%}
    ({{ moment }} at time zone 'UTC' at time zone {{ time_zone }})
{%- endmacro %}

{% macro spark__local_time(moment, time_zone) -%}
    from_utc_timestamp({{ moment }}, {{ time_zone }})
{%- endmacro %}

{#- Seconds from one moment to another, with their millionths; negative if it is earlier. -#}
{% macro seconds_between(started_at, ended_at) -%}
    {{ return(adapter.dispatch('seconds_between', 'triptych')(started_at, ended_at)) }}
{%- endmacro %}

{% macro default__seconds_between(started_at, ended_at) -%}
    cast((epoch_us({{ ended_at }}) - epoch_us({{ started_at }})) / 1000000.0 as double)
{%- endmacro %}

{% macro spark__seconds_between(started_at, ended_at) -%}
    cast((unix_micros({{ ended_at }}) - unix_micros({{ started_at }})) / 1000000.0D as double)
{%- endmacro %}

{#- First day of the week, a Monday, that a moment lies in. -#}
{% macro week_start(moment) -%}
    cast(date_trunc('week', {{ moment }}) as date)
{%- endmacro %}

{#- A date so many days after another. -#}
{% macro days_later(day, days) -%}
    cast({{ day }} + interval '{{ days }}' day as date)
{%- endmacro %}
