{#- State of a budget in a month or a longer period, of budget_amount, actual_cost and is_stale. -#}
{% macro budget_state(is_to_come, is_over, is_incomplete) -%}
    case
        when {{ is_to_come }} and budget_amount is not null then 'ahead'
        when actual_cost is null or budget_amount is null then 'unknown'
        when actual_cost > budget_amount then 'over'
        when is_stale then 'stale'
        when not {{ is_over }} then 'running'
        when {{ is_incomplete }} then 'incomplete'
        else 'within'
    end
{%- endmacro %}
