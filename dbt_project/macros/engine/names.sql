{#- A column whose name is a word of SQL, where it is given: "window" or `window`. -#}
{% macro reserved_name(name) -%}
    {{ return(adapter.dispatch('reserved_name', 'triptych')(name)) }}
{%- endmacro %}

{% macro default__reserved_name(name) -%}
    "{{ name }}"
{%- endmacro %}

{% macro spark__reserved_name(name) -%}
    `{{ name }}`
{%- endmacro %}
