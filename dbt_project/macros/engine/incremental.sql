{#- How a restated billing month replaces what the table held of it. -#}

{% macro replace_months_strategy() -%}
    {{ return(adapter.dispatch('replace_months_strategy', 'triptych')()) }}
{%- endmacro %}

{% macro default__replace_months_strategy() -%}
    {{ return('delete+insert') }}
{%- endmacro %}

{#- The partitions of those months are gone by then, so what is left is to add. -#}
{% macro spark__replace_months_strategy() -%}
    {{ return('append') }}
{%- endmacro %}

{#- Where that table is: Spark keeps it apart from what each run makes anew. -#}
{% macro schema_of_kept_months() -%}
    {{ return(adapter.dispatch('schema_of_kept_months', 'triptych')()) }}
{%- endmacro %}

{% macro default__schema_of_kept_months() -%}
    {{ return('intermediate') }}
{%- endmacro %}

{% macro spark__schema_of_kept_months() -%}
    {{ return('kept') }}
{%- endmacro %}

{#- Removes the months to build first: a month may have lost all of its charges. -#}
{% macro delete_months_to_build() -%}
    {%- if is_incremental() -%}
        {{ adapter.dispatch('delete_months_to_build', 'triptych')() }}
    {%- endif -%}
{%- endmacro %}

{% macro default__delete_months_to_build() -%}
    delete from {{ this }}
    where billing_month in (select m.billing_month from {{ source('control', 'months_to_build') }} as m)
{%- endmacro %}

{#- The process that runs dbt has done so: servers differ in whether they can. -#}
{% macro spark__delete_months_to_build() -%}
{%- endmacro %}

{#-
  Limits line items to the months to build: every month, unless the table is kept from
  an earlier run. The bounds are written as constants, so that the engine skips the
  Parquet row groups of all other months. The comments around them name the column that
  holds the billing month: who executes compiled SQL puts other months there, and
  triptych explain reads every month through the same SQL.
-#}
{% macro in_months_to_build(column) -%}
    /* months to build: {{ column }} */
    {% if not is_incremental() -%}
        true
    {%- else -%}
        {{ bounds_of_months(column, months_to_build()) }}
    {%- endif %}
    /* :months to build */
{%- endmacro %}

{% macro bounds_of_months(column, months) -%}
    {%- if months | length == 0 -%}
        false
    {%- else -%}
        (
        {%- for month in months -%}
            {{ " or " if not loop.first }}({{ column }} >= timestamp '{{ month }}-01 00:00:00'
            and {{ column }} < timestamp '{{ month }}-01 00:00:00' + interval '1' month)
        {%- endfor -%}
        )
    {%- endif -%}
{%- endmacro %}

{% macro months_to_build() -%}
    {%- if not execute -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set answer = run_query(
        "select billing_month from " ~ source('control', 'months_to_build') ~ " order by billing_month"
    ) -%}
    {{ return(answer.columns[0].values() | list) }}
{%- endmacro %}
