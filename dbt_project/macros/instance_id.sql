{#- The id of a machine as its meter writes it; a bill may write an ARN of AWS around it. -#}
{% macro instance_id(resource_id) -%}
    coalesce(nullif(split_part({{ resource_id }}, ':instance/', 2), ''), nullif({{ resource_id }}, ''))
{%- endmacro %}

{#- Is a charge of a machine, by the form of its id or by what a FOCUS bill calls the resource? -#}
{% macro is_machine() -%}
    (
        lower(resource_type) like '%instance%'
        or lower(resource_type) like '%virtual machine%'
        or resource_id like 'i-%'
        or resource_id like '%:instance/%'
        or resource_id like '%/instances/%'
        or resource_id like 'ocid1.instance.%'
        or lower(resource_id) like '%/virtualmachine%'
    )
{%- endmacro %}
