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

{#- Does the matching rule send a charge to one of these kinds of target? -#}
{% macro rule_targets(position, rule_list, kinds) -%}
    {{ positions_match(position, rule_list, 'target_kind', kinds) }}
{%- endmacro %}

{#- Is the charge AI spend? Without scope rules everything is; with rules, what none matches is not. -#}
{% macro is_in_scope(position, rule_list) -%}
    {%- if not rule_list -%}
        true
    {%- else -%}
        {{ positions_match(position, rule_list, 'in_scope', ['True']) }}
    {%- endif -%}
{%- endmacro %}

{% macro positions_match(position, rule_list, attribute, values) -%}
    {%- set positions = [] -%}
    {%- for rule in rule_list -%}
        {%- if rule[attribute] in values -%}
            {%- do positions.append(loop.index | string) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- if positions -%}
        coalesce({{ position }} in ({{ positions | join(', ') }}), false)
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}
