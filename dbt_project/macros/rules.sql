{#-
  Turns the rules of allocation.yml and catalog.yml into SQL.

  The run stores the validated rules as JSON in control.settings; unit tests pass
  them as the variable of the same name. Compiled to CASE expressions they cost one
  pass over the line items, whatever their number of targets, and can be read in the
  compiled model.
-#}

{% macro rules(name) -%}
    {%- set given = var(name, none) -%}
    {%- if given is not none -%}
        {{ return(given) }}
    {%- endif -%}
    {%- if not execute or flags.WHICH not in ['run', 'build', 'test', 'compile', 'show'] -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set answer = run_query(
        "select value from " ~ source('control', 'settings') ~ " where name = '" ~ name ~ "'"
    ) -%}
    {{ return(fromjson(answer.rows[0][0]) if answer.rows | length > 0 else []) }}
{%- endmacro %}

{#- The SQL column that a rule's column name means, given the extracted tag keys. -#}
{% macro rule_column(name, keys) -%}
    {%- if name.startswith(('tags.', 'columns.')) -%}
        {{ return('tag_' ~ keys.index(name)) }}
    {%- endif -%}
    {{ return(name) }}
{%- endmacro %}

{% macro sql_texts(values) -%}
    {%- set quoted = [] -%}
    {%- for value in values -%}
        {%- do quoted.append(sql_text(value)) -%}
    {%- endfor -%}
    {{ return(quoted | join(', ')) }}
{%- endmacro %}

{#- Is the value in the list? Nothing is in an empty one. -#}
{% macro is_one_of(column, values) -%}
    {{ return(column ~ ' in (' ~ sql_texts(values) ~ ')' if values else 'false') }}
{%- endmacro %}

{% macro rule_condition(condition, keys) -%}
    {%- set column = rule_column(condition.column, keys) -%}
    {%- set operator = condition.operator -%}
    {%- if operator == 'present' -%}
        {{ column }} is not null
    {%- elif operator in ['equals', 'in'] -%}
        {{ column }} in ({{ sql_texts(condition['values']) }})
    {%- elif operator in ['not_equals', 'not_in'] -%}
        ({{ column }} is null or {{ column }} not in ({{ sql_texts(condition['values']) }}))
    {%- elif operator == 'prefix' -%}
        (
        {%- for value in condition['values'] -%}
            {{ " or " if not loop.first }}{{ starts_with(column, sql_text(value)) }}
        {%- endfor -%}
        )
    {%- elif operator == 'regex' -%}
        (
        {%- for value in condition['values'] -%}
            {{ " or " if not loop.first }}{{ matches_regex(column, sql_text(value)) }}
        {%- endfor -%}
        )
    {%- else -%}
        {{ exceptions.raise_compiler_error("Unknown operator " ~ operator) }}
    {%- endif -%}
{%- endmacro %}

{% macro rule_predicate(rule, keys) -%}
    {%- set parts = [] -%}
    {%- for condition in rule.match -%}
        {%- do parts.append(rule_condition(condition, keys) | trim) -%}
    {%- endfor -%}
    {%- if rule.valid_from is defined and rule.valid_from is not none -%}
        {%- do parts.append("charge_date >= cast('" ~ rule.valid_from ~ "' as date)") -%}
    {%- endif -%}
    {%- if rule.valid_to is defined and rule.valid_to is not none -%}
        {%- do parts.append("charge_date < cast('" ~ rule.valid_to ~ "' as date)") -%}
    {%- endif -%}
    {{ return(parts | join(' and ') if parts else 'true') }}
{%- endmacro %}

{#- Position (from 1) of the first rule that matches; NULL where none does. -#}
{% macro first_matching_rule(rule_list, keys) -%}
    {%- if not rule_list -%}
        cast(null as integer)
    {%- else -%}
        case
        {%- for rule in rule_list %}
            when {{ rule_predicate(rule, keys) }} then {{ loop.index }}
        {%- endfor %}
        end
    {%- endif -%}
{%- endmacro %}

{#- A constant attribute of the matching rule, by its position. -#}
{% macro rule_attribute(position, rule_list, attribute, otherwise="cast(null as string)") -%}
    {%- if not rule_list -%}
        {{ otherwise }}
    {%- else -%}
        case {{ position }}
        {%- for rule in rule_list %}
            when {{ loop.index }} then {{ sql_text(rule[attribute]) if rule[attribute] is not none else 'null' }}
        {%- endfor %}
            else {{ otherwise }}
        end
    {%- endif -%}
{%- endmacro %}

{#- Does the matching rule send a charge to one of these kinds of target? -#}
{% macro rule_targets(position, rule_list, kinds) -%}
    {{ positions_match(position, rule_list, 'target_kind', kinds) }}
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

{#- The target of the matching rule, with ${tags.KEY} and ${column} filled in. -#}
{% macro rule_target(position, rule_list, keys) -%}
    {%- if not rule_list -%}
        cast(null as string)
    {%- else -%}
        case {{ position }}
        {%- for rule in rule_list %}
            when {{ loop.index }} then {{ filled_template(rule.target, keys) }}
        {%- endfor %}
        end
    {%- endif -%}
{%- endmacro %}

{% macro filled_template(template, keys) -%}
    {%- set parts = [] -%}
    {%- for piece in modules.re.split('(\\$\\{[^}]+\\})', template) -%}
        {%- if piece.startswith('${') -%}
            {%- do parts.append(rule_column(piece[2:-1], keys)) -%}
        {%- elif piece -%}
            {%- do parts.append(sql_text(piece)) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(parts | join(' || ')) }}
{%- endmacro %}
