{#-
  Schemas are named as the contract names them. Only on a shared engine do all of them
  begin with the prefix of the workspace.
-#}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {%- if custom_schema_name -%}
        {{ env_var('TRIPTYCH_SCHEMA_PREFIX', '') }}{{ custom_schema_name }}
    {%- else -%}
        {{ target.schema }}
    {%- endif -%}
{%- endmacro %}
