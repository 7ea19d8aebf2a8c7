{#-
  One weight for processor and memory: a GiB-hour counts as 0.134 core-hours, the
  ratio of their usual on-demand prices (0.004237 to 0.031611 USD per hour).
-#}
{% macro cpu_memory_weight(core_hours, gibibyte_hours) -%}
    {{ to_weight(
        to_weight('coalesce(' ~ core_hours ~ ', 0)')
        ~ ' + cast(0.134 as decimal(4, 3)) * ' ~ to_weight('coalesce(' ~ gibibyte_hours ~ ', 0)')
    ) }}
{%- endmacro %}
