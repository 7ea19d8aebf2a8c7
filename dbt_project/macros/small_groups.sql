{#- A sum of which no part is hidden; else NULL, for a part would show what is hidden. -#}
{% macro sum_of_shown(value, is_suppressed) -%}
    case when max(case when {{ is_suppressed }} then 1 else 0 end) = 0 then {{ sum_in_order(value) }} end
{%- endmacro %}

{#- Why hours of a group are hidden: too few people, how many is unknown, or it would show such a group. -#}
{% macro group_reason(row) -%}
    case
        when {{ row }}.is_small and {{ row }}.people is null then {{ unknown_group_reason() }}
        when {{ row }}.is_small
            then 'hours of fewer than ' || cast({{ row }}.smallest_group as string) || ' people'
        when {{ row }}.is_suppressed
            then
                'hours of fewer than ' || cast({{ row }}.smallest_group as string)
                || ' people would follow from it'
    end
{%- endmacro %}

{#- What to do about it. -#}
{% macro group_way_out(row) -%}
    case
        when {{ row }}.is_small and {{ row }}.people is null then {{ unknown_group_way_out() }}
        when {{ row }}.is_suppressed then 'hours of the organisation are of more people'
    end
{%- endmacro %}

{% macro unknown_group_reason() -%}
    'how many people booked these hours is not known'
{%- endmacro %}

{% macro unknown_group_way_out() -%}
    'deliver the headcount of each team, and map hours of no team in catalog.yml'
{%- endmacro %}
