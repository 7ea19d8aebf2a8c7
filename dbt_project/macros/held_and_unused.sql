{#-
  What was held, and what was left unused for each unit of it: held + held * unused_rate.
  A weight counts in eight decimals and a rate in twelve, so that the product is exact on
  either engine; without a rate nothing was left unused.
-#}
{% macro held_and_unused(held, unused_rate) -%}
    {{ to_addend(held) }} + {{ to_addend(
        'cast(' ~ held ~ ' as decimal(18, 8)) * cast(coalesce(' ~ unused_rate ~ ', 0) as decimal(19, 12))'
    ) }}
{%- endmacro %}
