{#-
  Written by `make reference` from the folders in `models/staging/`.
  Where meters come from: the staging models whose readings divide shared
  money, or say what a node had. `int_model_usage`, `int_accelerator_usage`,
  `int_compute_usage` and `int_node_usage` read each of them.
-#}
{% macro model_usage_meters() -%}
    {{ return([
        'stg_aws_data_exports__model_usage',
        'stg_llm_gateways__model_usage',
        'stg_llm_providers__model_usage',
        'stg_opencost__model_usage',
        'stg_tables__model_usage',
    ]) }}
{%- endmacro %}

{% macro accelerator_usage_meters() -%}
    {{ return([
        'stg_aws_data_exports__accelerator_usage',
        'stg_opencost__accelerator_usage',
        'stg_tables__accelerator_usage',
    ]) }}
{%- endmacro %}

{% macro compute_usage_meters() -%}
    {{ return([
        'stg_aws_data_exports__compute_usage',
        'stg_opencost__compute_usage',
    ]) }}
{%- endmacro %}

{% macro node_usage_meters() -%}
    {{ return([
        'stg_aws_data_exports__node_usage',
        'stg_opencost__node_usage',
    ]) }}
{%- endmacro %}

{% macro model_usage_meters_of_bills() -%}
    {{ return([
        'stg_aws_data_exports__model_usage',
        'stg_llm_providers__model_usage',
        'stg_opencost__model_usage',
    ]) }}
{%- endmacro %}
