{#- Columns that a return has by feature, model and portfolio, with their intervals. -#}
{% macro money_of_returns(relation) -%}
    {%- set names = [] -%}
    {%- for name, levels in [
        ('benefit', ['50', '90']),
        ('cash_benefit', ['90']),
        ('other_cost', ['90']),
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
