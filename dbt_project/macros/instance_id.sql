{#- The id of a machine as its meter writes it; a bill may write an ARN of AWS around it. -#}
{% macro instance_id(resource_id) -%}
    coalesce(nullif(split_part({{ resource_id }}, ':instance/', 2), ''), nullif({{ resource_id }}, ''))
{%- endmacro %}
