{#-
  An amount beyond what so many days cost at the rate of the days before a migration, at least
  nothing. NULL where there was an amount and no days before say what was usual.
-#}
{% macro beyond_usual_amount(amount, before, days) -%}
case
    when coalesce({{ amount }}, 0) <= 0 then {{ to_money('0') }}
    when windows.before_day_count > 0
        then {{ to_money(
            'greatest(' ~ amount ~ ' - ' ~ money_in_proportion(
                to_money('coalesce(' ~ before ~ ', 0)'), 'cast(' ~ days ~ ' as decimal(10, 0))',
                'cast(windows.before_day_count as decimal(10, 0))'
            ) ~ ', 0)'
        ) }}
end
{%- endmacro %}
