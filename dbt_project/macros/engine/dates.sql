{#- Calendar arithmetic that engines spell differently. All timestamps are UTC. -#}

{#- YYYY-MM of a date or timestamp. -#}
{% macro month_label(moment) -%}
    {{ return(adapter.dispatch('month_label', 'triptych')(moment)) }}
{%- endmacro %}

{% macro default__month_label(moment) -%}
    strftime({{ moment }}, '%Y-%m')
{%- endmacro %}

{% macro spark__month_label(moment) -%}
    date_format({{ moment }}, 'yyyy-MM')
{%- endmacro %}

{#- First instant of the hour, day or month that a timestamp lies in. -#}
{% macro interval_start(unit, moment) -%}
    cast(date_trunc('{{ unit }}', {{ moment }}) as timestamp)
{%- endmacro %}

{#- Does a period last longer than a day? -#}
{% macro is_longer_than_a_day(started_at, ended_at) -%}
    {{ ended_at }} > {{ started_at }} + interval '1' day
{%- endmacro %}

{#- Hours between two timestamps, as DOUBLE. -#}
{% macro hours_between(started_at, ended_at) -%}
    {{ return(adapter.dispatch('hours_between', 'triptych')(started_at, ended_at)) }}
{%- endmacro %}

{% macro default__hours_between(started_at, ended_at) -%}
    date_diff('second', {{ started_at }}, {{ ended_at }}) / 3600.0
{%- endmacro %}

{% macro spark__hours_between(started_at, ended_at) -%}
    (unix_timestamp({{ ended_at }}) - unix_timestamp({{ started_at }})) / 3600.0D
{%- endmacro %}

{#- In a select list: one row for each day from the first to the last, as a date or its midnight. -#}
{% macro each_day(first_day, last_day) -%}
    {{ return(adapter.dispatch('each_day', 'triptych')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__each_day(first_day, last_day) -%}
    unnest(generate_series({{ first_day }}, {{ last_day }}, interval 1 day))
{%- endmacro %}

{% macro spark__each_day(first_day, last_day) -%}
    explode(sequence({{ first_day }}, {{ last_day }}, interval 1 day))
{%- endmacro %}

{#- First instant after a month that is given as YYYY-MM. -#}
{% macro month_end(month) -%}
    cast({{ month }} || '-01' as timestamp) + interval '1' month
{%- endmacro %}

{#- Seconds as hours, rounded once to eight decimals: a quotient of decimals is a DOUBLE in one engine only. -#}
{% macro hours_of_seconds(seconds) -%}
    cast({{ adapter.dispatch('hours_of_seconds', 'triptych')(seconds) }} as decimal(38, 18))
{%- endmacro %}

{% macro default__hours_of_seconds(seconds) -%}
    cast((cast({{ to_weight(seconds) }} * 100000000 as hugeint) + 1800) // 3600 as bigint)
    * cast(0.00000001 as decimal(9, 8))
{%- endmacro %}

{% macro spark__hours_of_seconds(seconds) -%}
    (
        (cast({{ to_weight(seconds) }} * 100000000 as decimal(24, 0)) + cast(1800 as decimal(4, 0)))
        div cast(3600 as decimal(4, 0))
    )
    * cast(0.00000001 as decimal(9, 8))
{%- endmacro %}

{#- Day of the week of a timestamp by ISO 8601: 1 is Monday, 7 is Sunday. -#}
{% macro iso_weekday(moment) -%}
    {{ return(adapter.dispatch('iso_weekday', 'triptych')(moment)) }}
{%- endmacro %}

{% macro default__iso_weekday(moment) -%}
    cast(isodow({{ moment }}) as integer)
{%- endmacro %}

{% macro spark__iso_weekday(moment) -%}
    cast((dayofweek({{ moment }}) + 5) % 7 + 1 as integer)
{%- endmacro %}

{#- Hour of the day of a timestamp, 0 to 23. -#}
{% macro hour_of_day(moment) -%}
    cast(extract(hour from {{ moment }}) as integer)
{%- endmacro %}

{#- Whole days from one date to a later one. -#}
{% macro days_between(first_day, last_day) -%}
    {{ return(adapter.dispatch('days_between', 'triptych')(first_day, last_day)) }}
{%- endmacro %}

{% macro default__days_between(first_day, last_day) -%}
    date_diff('day', {{ first_day }}, {{ last_day }})
{%- endmacro %}

{% macro spark__days_between(first_day, last_day) -%}
    datediff({{ last_day }}, {{ first_day }})
{%- endmacro %}
