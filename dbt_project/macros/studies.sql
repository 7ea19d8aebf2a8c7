{#- The first day of the period that a day lies in: a study looks at days, months or years. -#}
{% macro study_period(period, day) -%}
    case {{ period }}
        when 'week' then cast({{ interval_start('week', day) }} as date)
        when 'month' then cast({{ interval_start('month', day) }} as date)
        when 'quarter' then cast({{ interval_start('quarter', day) }} as date)
        when 'year' then cast({{ interval_start('year', day) }} as date)
        else cast({{ day }} as date)
    end
{%- endmacro %}

{#- What is known of a counted process besides the minutes that one item took. -#}
{% macro process_columns() -%}
    {{ return(['volume', 'automated_volume', 'handling_minutes']) }}
{%- endmacro %}

{#- The one text of a group; where there are several, two of them, which fit no plan. -#}
{% macro one_text(text) -%}
    case
        when min({{ text }}) = max({{ text }}) then min({{ text }})
        else min({{ text }}) || ' and ' || max({{ text }})
    end
{%- endmacro %}
