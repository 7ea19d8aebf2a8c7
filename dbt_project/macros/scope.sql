{#- Rules of scope that the workspace wrote, and those of the knowledge base. -#}
{% macro own_scope_rules(scope_rules) -%}
    {{ return(scope_rules | rejectattr('is_known', 'defined') | list) }}
{%- endmacro %}

{% macro known_scope_rules(scope_rules) -%}
    {{ return(scope_rules | selectattr('is_known', 'defined') | list) }}
{%- endmacro %}

{#-
  Does its owner make a charge AI spend? One that a rule gives to a model or a pool, or
  to a feature or team by name: a rule that copies the tag of a team says whose a charge
  is, whatever it is for.
-#}
{% macro is_taken_in(assignment_rules) -%}
    {%- set positions = [] -%}
    {%- for rule in assignment_rules -%}
        {%- if rule.target_kind in ['model', 'pool'] or '${' not in rule.target -%}
            {%- do positions.append(loop.index | string) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return('coalesce(rule_position in (' ~ positions | join(', ') ~ '), false)' if positions else 'false') }}
{%- endmacro %}

{#-
  What the knowledge base says of a charge. It is asked last: only of charges that no
  rule of the workspace decides, so that its patterns cost nothing where all have owners.
-#}
{% macro known_position(scope_rules, assignment_rules, keys) -%}
    {%- set known = known_scope_rules(scope_rules) -%}
    {%- if not known -%}
        cast(null as integer)
    {%- else -%}
        case
            when scope_position is null and not {{ is_taken_in(assignment_rules) }}
                then {{ first_matching_rule(known, keys) }}
        end
    {%- endif -%}
{%- endmacro %}

{#-
  Is the charge AI spend? The workspace's own rules of scope come first. Without the
  knowledge base everything is where there are none, and else what one of them takes;
  with it, what a rule of owners takes in, and what it knows.
-#}
{% macro is_in_scope(scope_rules, assignment_rules) -%}
    {%- set own = own_scope_rules(scope_rules) -%}
    {%- set known = known_scope_rules(scope_rules) -%}
    {%- if not scope_rules -%}
        true
    {%- elif not known -%}
        {{ positions_match('scope_position', own, 'in_scope', ['True']) }}
    {%- else -%}
        case
            when scope_position is not null then {{ positions_match('scope_position', own, 'in_scope', ['True']) }}
            when {{ is_taken_in(assignment_rules) }} then true
            else {{ positions_match('known_position', known, 'in_scope', ['True']) }}
        end
    {%- endif -%}
{%- endmacro %}

{#- What says that a charge is AI spend, or is not; null where nothing does. -#}
{% macro scope_reason(scope_rules, assignment_rules) -%}
    case
        when scope_position is not null
            then 'rule of scope: ' || {{ rule_attribute('scope_position', own_scope_rules(scope_rules), 'name') }}
        when {{ is_taken_in(assignment_rules) }} then 'rule of an owner: ' || rule_name
        when known_position is not null
            then 'known: ' || {{ rule_attribute('known_position', known_scope_rules(scope_rules), 'name') }}
    end
{%- endmacro %}
