{#-
  The tags and delivered columns that any of the rules look at or copy from, as rules
  call them (tags.team, columns.x_CostCenter), in order of appearance.
-#}
{% macro tag_keys(rule_lists) -%}
    {%- set keys = [] -%}
    {%- for rule_list in rule_lists -%}
        {%- for rule in rule_list -%}
            {%- for condition in rule.match -%}
                {%- if condition.column.startswith(('tags.', 'columns.')) and condition.column not in keys -%}
                    {%- do keys.append(condition.column) -%}
                {%- endif -%}
            {%- endfor -%}
            {%- for key in modules.re.findall('\\$\\{((?:tags|columns)\\.[^}]+)\\}', rule.target | default('', true)) -%}
                {%- if key not in keys -%}
                    {%- do keys.append(key) -%}
                {%- endif -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(keys) }}
{%- endmacro %}

{#-
  How the key of a rule may be spelled on a bill: as it stands, and with and without
  what a provider puts before it. CUR 2.0 writes user_cost_center for CostCenter.
-#}
{% macro key_spellings(key) -%}
    {%- set bare = modules.re.sub('^(user:|user_|aws:|aws_)', '', key) -%}
    {%- set spaced = modules.re.sub('(?=[^\\W_a-z0-9])', '_', bare) | lower -%}
    {%- set snake = modules.re.sub('[^a-z0-9]+', '_', spaced).strip('_') -%}
    {%- set spellings = [key] -%}
    {%- set prefix = 'aws' if key.startswith('aws') else 'user' -%}
    {%- for spelling in [bare, prefix ~ '_' ~ snake, prefix ~ ':' ~ bare] -%}
        {%- if spelling not in spellings -%}
            {%- do spellings.append(spelling) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(spellings) }}
{%- endmacro %}

{#- Do the rules ask for keys of tags in any case? -#}
{% macro folds_tag_case(rule_lists) -%}
    {%- for rule in rule_lists | sum(start=[]) -%}
        {%- if rule.folds_tag_case | default(false) -%}
            {{ return(true) }}
        {%- endif -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}

{#-
  The value of the tag that a rule calls by this key; the spelling of the rule comes
  first. A case asks for the other spellings only where that is missing or empty: DuckDB
  looks up every argument of a coalesce of NULLIFs, of every line.
  Columns that rules name travel among the tags, under their own names.
-#}
{% macro tag_of_rule(tags, column, folds_case) -%}
    {%- if column.startswith('columns.') -%}
        {{ return(tag_value(tags, column[8:])) }}
    {%- endif -%}
    {%- set key = column[5:] -%}
    {%- if folds_case -%}
        {{ return(folded_tag_value(tags, key_spellings(key) | map('lower') | unique | list)) }}
    {%- endif -%}
    {{ return(first_tag_value(tags, key_spellings(key))) }}
{%- endmacro %}
