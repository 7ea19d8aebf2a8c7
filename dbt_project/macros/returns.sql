{#- Columns that a return has by feature, model and portfolio, with their intervals. -#}
{% macro money_of_returns(relation) -%}
    {%- set names = [] -%}
    {%- for name, levels in [
        ('benefit', ['50', '90']),
        ('cash_benefit', ['90']),
        ('other_cost', ['90']),
        ('replaced_cost', ['90']),
        ('net_value', ['50', '90']),
        ('roi', ['50', '90']),
    ] -%}
        {%- do names.append(name) -%}
        {%- for level in levels -%}
            {%- do names.append(name ~ '_low_' ~ level) -%}
            {%- do names.append(name ~ '_high_' ~ level) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do names.append('probability_net_positive') -%}
    {%- for name in names %}
    {{ relation }}.{{ name }}{{ ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#- What was spent before a window and since, beside what the mart of cost has of it. -#}
{% macro money_outside_window(relation) -%}
    {%- set names = [] -%}
    {%- for name in [
        'other_investment', 'other_cost_since', 'net_after_investment', 'carried_benefit', 'replaced_cost_since',
        'net_to_date',
    ] -%}
        {%- for end in ['', '_low_90', '_high_90'] -%}
            {%- do names.append(name ~ end) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- do names.extend(['probability_net_after_investment', 'to_date_month', 'probability_net_to_date']) -%}
    {%- for name in names %}
    {{ relation }}.{{ name }}{{ ',' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}

{#-
  The reconciled cost of what a row is about, from the mart of cost and to its last
  digit; NULL where a part of it has no amount in the reporting currency.
-#}
{% macro known_cost(costs, run) -%}
    case
        when count(*) = count(case when {{ costs }}.currency = {{ run }}.currency then {{ costs }}.effective_cost end)
            then {{ to_money('sum(' ~ costs ~ '.effective_cost)') }}
    end
{%- endmacro %}

{#-
  The reconciled cost before a window or since; 0 where there was none, NULL where it is
  not known, and where a return has no window of its own.
-#}
{% macro cost_outside_window(returns, part) -%}
    case
        when {{ returns }}.since_month_count is not null and {{ part }}.part is null then {{ to_money('0') }}
        when {{ returns }}.since_month_count is not null then {{ part }}.cost
    end
{%- endmacro %}

{#-
  What is known of a feature to date, one answer for every page: it pays or loses where
  the whole 90 % range after investment says so, and counts; a month has no finding.
-#}
{% macro finding_of(returns) -%}
    case
        when {{ returns }}.since_month_count is null and {{ returns }}.net_value is not null then null
        when {{ returns }}.counted and {{ returns }}.net_after_investment_low_90 > 0 then 'pays'
        when {{ returns }}.counted and {{ returns }}.net_after_investment_high_90 < 0 then 'loses'
        when {{ returns }}.counted then 'cannot_tell'
        when {{ returns }}.net_value is not null then 'not_proven'
        else 'unknown'
    end
{%- endmacro %}
