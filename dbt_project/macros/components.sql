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

{#- AI cost is what was spent on AI, before the tax and the credits that statements add. -#}
{% macro is_ai_cost(component='component') -%}
    {{ component }} not in ('ledger', 'out_of_scope', 'tax', 'credit')
{%- endmacro %}

{#-
  Part of AI cost that is assigned to a model, a team, a pool or a commitment. A commitment
  that nobody used is so only where a policy of the workspace gives it to somebody.
-#}
{% macro is_assigned_cost() -%}
    (
        component in ('direct', 'shared', 'idle', 'overhead')
        or (component = 'unused_commitment' and coalesce(model_id, feature_id, team_id) is not null)
    )
{%- endmacro %}
