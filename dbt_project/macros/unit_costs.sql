{#- Cost by unit of use, and why there is none. -#}

{#- The share of days with cost under which a meter says too little to divide by. -#}
{% macro least_metered_share() %}0.5{% endmacro %}

{#- The last day that a reading covers: a period ends before its end; a moment is of its day. -#}
{% macro last_day_of_reading(started_at, ended_at) -%}
    greatest(
        cast({{ started_at }} as date), cast(coalesce({{ ended_at }}, {{ started_at }}) - interval '1' second as date)
    )
{%- endmacro %}

{#- What one unit costs, or as many as are usual; NULL where the meter of it knows too few days. -#}
{% macro cost_of_unit(cost, quantity, meter, units) -%}
    case
        when {{ meter }}_day_count >= {{ least_metered_share() }} * {{ meter }}_cost_day_count
            then {{ safe_ratio(cost, quantity) }} * {{ units }}
    end
{%- endmacro %}

{#- Why there is no cost of a unit, in a few words; NULL where there is one. -#}
{% macro reason_without_unit_cost(cost, quantity, meter) -%}
    case
        when {{ quantity }} is null then 'not metered'
        when requests_cost_day_count is null and fully_loaded_cost <> 0 and {{ cost }} is null
            then 'closed before metered days were kept'
        when {{ meter }}_day_count < {{ least_metered_share() }} * {{ meter }}_cost_day_count
            then
                'metered on ' || cast({{ meter }}_day_count as string) || ' of '
                || cast({{ meter }}_cost_day_count as string) || ' days'
        when {{ cost }} is null then 'no line of a bill is for it'
        when not {{ quantity }} > 0 then 'none served'
    end
{%- endmacro %}
