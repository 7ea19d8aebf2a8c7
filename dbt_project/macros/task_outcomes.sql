{#-
  Outcomes of attempts by rules of the settings: an event such as `closed` is a success unless
  another, such as `reopened`, follows within a number of days. Until they are over it is unknown.
-#}

{#- Is an event one that a rule judges? The first rule of its agent and word decides. -#}
{% macro is_judged_by(rule, events) -%}
    {{ events }}.word = {{ sql_text(rule.success) }}
    {%- if rule.agent %} and {{ events }}.agent = {{ sql_text(rule.agent) }}{% endif -%}
{%- endmacro %}

{#- Does an event of the same task undo another one? -#}
{% macro is_undone_by(rules, events, undoing) -%}
    case
        when {{ events }}.word in ('success', 'failure') then false
        {%- for rule in rules if rule.unless %}
        when {{ is_judged_by(rule, events) }}
            then
                {{ undoing }}.word = {{ sql_text(rule.unless) }}
                and {{ undoing }}.metered_at < {{ events }}.metered_at + interval '{{ rule.within_days }}' day
        {%- endfor %}
        else false
    end
{%- endmacro %}

{#- Outcome of an event: declared, or by the first rule that judges it. -#}
{% macro outcome_of_event(rules, events) -%}
    case
        when {{ events }}.word in ('success', 'failure') then {{ events }}.word
        {%- for rule in rules %}
        when {{ is_judged_by(rule, events) }}
            then
                case
                    when {{ events }}.is_undone then 'failure'
                    when {{ events }}.as_of >= {{ events }}.metered_at + interval '{{ rule.within_days }}' day then 'success'
                end
        {%- endfor %}
    end
{%- endmacro %}

{#- Has an event an outcome, now or once its days are over? -#}
{% macro is_event_of_outcome(rules, events) -%}
    (
        {{ events }}.word in ('success', 'failure')
        {%- for rule in rules %}
        or ({{ is_judged_by(rule, events) }})
        {%- endfor %}
    )
{%- endmacro %}

{#- Part of the bill that a divided row is: exactly one for each. -#}
{% macro cost_part() -%}
    case
        when costs.is_idle then 'idle'
        when not costs.is_metered then 'not_metered'
        when costs.task_step in ('evaluation', 'tool') then costs.task_step
        when attempts.attempt_position > 1 then 'retry'
        else coalesce(attempts.attempt_outcome, 'unknown')
    end
{%- endmacro %}

{#- Tokens of kinds at their prices per million, as a weight; each counts one where prices are unknown. -#}
{% macro weight_of_tokens(price_by_quantity, counts, prices) -%}
    {%- for quantity, price in price_by_quantity.items() %}
    {{ "+ " if not loop.first }}{{ to_weight(
        'cast(coalesce(' ~ counts ~ '.' ~ quantity ~ ', 0) as decimal(22, 8)) * case when ' ~ prices
        ~ '.are_known then cast(greatest(coalesce(' ~ prices ~ '.' ~ price ~ ', 0), 0) as decimal(16, 6))'
        ~ ' else cast(1 as decimal(16, 6)) end'
    ) }}
    {%- endfor %}
{%- endmacro %}
