{#- A text as YAML, whatever is in it: in single quotes, those inside doubled. -#}
{% macro yaml_text(text) -%}
    '''' || replace({{ text }}, '''', '''''') || ''''
{%- endmacro %}
