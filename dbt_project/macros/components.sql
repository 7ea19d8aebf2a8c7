{#-
  Components as small numbers. Line items are grouped by them in the one pass over the
  evidence, where comparing numbers instead of words halves the time.
-#}
{% macro components() -%}
    {{ return([
        'out_of_scope', 'tax', 'credit', 'unused_commitment', 'shared', 'direct', 'unallocated',
    ]) }}
{%- endmacro %}

{% macro component_code(component) -%}
    {{ return(components().index(component) + 1) }}
{%- endmacro %}

{% macro component_label(code) -%}
    case {{ code }}
    {%- for component in components() %}
        when {{ loop.index }} then '{{ component }}'
    {%- endfor %}
    end
{%- endmacro %}
