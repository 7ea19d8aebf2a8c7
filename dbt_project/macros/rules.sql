{#-
  Turns the rules of allocation.yml and catalog.yml into SQL.

  The run stores the validated rules as JSON in control.settings; unit tests pass
  them as the variable of the same name. Compiled to CASE expressions they cost one
  pass over the line items, whatever their number of targets, and can be read in the
  compiled model. Many that compare the same column are compiled to a list instead: of
  a value that line items repeat, the engine looks up the place once.
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

{#- From so many rules on, a list is looked up in place of asking one after the other. -#}
{% macro is_long(rule_list) -%}
    {{ return(rule_list | length >= 32) }}
{%- endmacro %}

{#- Does a rule compare one column with values, on all days? -#}
{% macro compares_values(rule) -%}
    {{ return(
        rule.match | length == 1 and rule.match[0].operator in ['equals', 'in']
        and not rule.get('valid_from') and not rule.get('valid_to')
    ) }}
{%- endmacro %}

{#- Rules in their order with their positions, as lists in which all compare the same column or none may. -#}
{% macro runs_of_rules(rule_list) -%}
    {%- set runs = [] -%}
    {%- for rule in rule_list -%}
        {%- set column = rule.match[0].column if compares_values(rule) else none -%}
        {%- if not runs or runs[-1].column != column -%}
            {%- do runs.append({'column': column, 'rules': []}) -%}
        {%- endif -%}
        {%- do runs[-1].rules.append((loop.index, rule)) -%}
    {%- endfor -%}
    {{ return(runs) }}
{%- endmacro %}

{#- Position of the first rule of a run that compares one column. -#}
{% macro position_by_value(run, keys) -%}
    {%- set values = [] -%}
    {%- set positions = [] -%}
    {%- for position, rule in run.rules -%}
        {%- for value in rule.match[0]['values'] -%}
            {%- do values.append(sql_text(value)) -%}
            {%- do positions.append(position) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(value_at(list_of(positions), place_in(list_of(values), rule_column(run.column, keys)))) }}
{%- endmacro %}

{#- Position (from 1) of the first rule that matches; NULL where none does. -#}
{% macro first_matching_rule(rule_list, keys) -%}
    {%- if not rule_list -%}
        cast(null as integer)
    {%- else -%}
        {%- set parts = [] -%}
        {%- set asked = [] -%}
        {%- for run in runs_of_rules(rule_list) -%}
            {%- if run.column and is_long(run.rules) -%}
                {%- do parts.append(position_by_question(asked, keys)) if asked -%}
                {%- do parts.append(position_by_value(run, keys)) -%}
                {%- do asked.clear() -%}
            {%- else -%}
                {%- do asked.extend(run.rules) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do parts.append(position_by_question(asked, keys)) if asked -%}
        {{ 'coalesce(' ~ parts | join(', ') ~ ')' if parts | length > 1 else parts[0] }}
    {%- endif -%}
{%- endmacro %}

{% macro position_by_question(rules_with_positions, keys) -%}
        case
        {%- for position, rule in rules_with_positions %}
            when {{ rule_predicate(rule, keys) }} then {{ position }}
        {%- endfor %}
        end
{%- endmacro %}

{#- A constant attribute of the matching rule, by its position. -#}
{% macro rule_attribute(position, rule_list, attribute, otherwise="cast(null as string)") -%}
    {%- set values = [] -%}
    {%- for rule in rule_list -%}
        {%- do values.append(sql_text(rule[attribute]) if rule[attribute] is not none else 'null') -%}
    {%- endfor -%}
    {%- if not rule_list -%}
        {{ otherwise }}
    {%- elif is_long(rule_list) -%}
        case when {{ position }} is null then {{ otherwise }} else {{ value_at(list_of(values), position) }} end
    {%- else -%}
        case {{ position }}
        {%- for value in values %}
            when {{ loop.index }} then {{ value }}
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
    {%- set answers = [] -%}
    {%- for rule in rule_list -%}
        {%- do answers.append('true' if rule[attribute] in values else 'false') -%}
        {%- do positions.append(loop.index | string) if rule[attribute] in values -%}
    {%- endfor -%}
    {%- if positions and is_long(rule_list) -%}
        coalesce({{ value_at(list_of(answers), position) }}, false)
    {%- elif positions -%}
        coalesce({{ position }} in ({{ positions | join(', ') }}), false)
    {%- else -%}
        false
    {%- endif -%}
{%- endmacro %}

{#- The target of the matching rule, with ${tags.KEY} and ${column} filled in. -#}
{% macro rule_target(position, rule_list, keys) -%}
    {%- set constants = [] -%}
    {%- set asked = [] -%}
    {%- for rule in rule_list -%}
        {%- set is_asked = '${' in rule.target or not is_long(rule_list) -%}
        {%- do asked.append((loop.index, filled_template(rule.target, keys))) if is_asked -%}
        {%- do constants.append('null' if is_asked else sql_text(rule.target)) -%}
    {%- endfor -%}
    {%- if not rule_list -%}
        cast(null as string)
    {%- elif not asked -%}
        {{ value_at(list_of(constants), position) }}
    {%- else -%}
        case {{ position }}
        {%- for place, target in asked %}
            when {{ place }} then {{ target }}
        {%- endfor %}
            {{ 'else ' ~ value_at(list_of(constants), position) if is_long(rule_list) }}
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
