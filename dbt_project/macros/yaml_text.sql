{#- A text as YAML, whatever is in it: in single quotes, those inside doubled. -#}
{% macro yaml_text(text) -%}
    chr(39) || replace({{ text }}, chr(39), chr(39) || chr(39)) || chr(39)
{%- endmacro %}
