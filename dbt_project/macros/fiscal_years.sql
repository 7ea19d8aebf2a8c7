{#-
  Fiscal year of a month, named after the calendar year in which it ends. A month is
  YYYY-MM; a fiscal year that begins in January is the calendar year.
-#}
{% macro fiscal_year(month, start_month) -%}
    cast(substr({{ month }}, 1, 4) as integer)
    + case
        when {{ start_month }} > 1 and cast(substr({{ month }}, 6, 2) as integer) >= {{ start_month }} then 1 else 0
    end
{%- endmacro %}

{#- Fiscal quarter of a month, YYYY-Qn with the fiscal year as above. -#}
{% macro fiscal_quarter(month, start_month) -%}
    cast({{ fiscal_year(month, start_month) }} as string) || '-Q'
    || cast(
        {{ integer_quotient(
            '((cast(substr(' ~ month ~ ', 6, 2) as integer) - ' ~ start_month ~ ' + 12) % 12)', '3'
        ) }} + 1 as string
    )
{%- endmacro %}

{#- Sum of a column over a scope's fiscal year up to the row's month. NULL where a part is. -#}
{% macro sum_to_date(column) -%}
    {%- set window -%}
    over (
        partition by scope_type, scope_id, currency, fiscal_year
        order by billing_month rows between unbounded preceding and current row
    )
    {%- endset -%}
    case when count({{ column }}) {{ window }} = count(*) {{ window }} then sum({{ column }}) {{ window }} end
{%- endmacro %}

{#- Is a month, YYYY-MM, one of those of a relation's row from period_start to before period_end? -#}
{% macro is_month_of(month, relation) -%}
    cast({{ month }} || '-01' as timestamp) >= {{ relation }}.period_start
    and cast({{ month }} || '-01' as timestamp) < {{ relation }}.period_end
{%- endmacro %}
