{#-
  How a table and a view are built on the embedded engine. Nobody reads the build
  database while dbt writes it, so what a model was is dropped and made anew in one
  transaction; dbt's own way, a second relation that is built beside the first and then
  renamed twice, takes three more statements for each of over a hundred models.
-#}
{% materialization table, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        {{ triptych.drop_what_the_model_was() }}
        {{ create_table_as(False, target_relation, compiled_code) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='duckdb' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks) }}
    {%- call statement('main') -%}
        {{ triptych.drop_what_the_model_was() }}
        {{ get_create_view_as_sql(target_relation, compiled_code) }}
    {%- endcall -%}
    {{ run_hooks(post_hooks) }}
    {%- do adapter.commit() -%}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{#- A model may have changed from a view to a table since the last run. -#}
{% macro drop_what_the_model_was() -%}
    {%- set existing_relation = load_cached_relation(this) -%}
    {%- if existing_relation is not none -%}
        drop {{ existing_relation.type }} if exists {{ existing_relation }};
    {%- endif -%}
{%- endmacro %}
