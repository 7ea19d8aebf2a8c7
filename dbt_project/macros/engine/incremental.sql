{#- Removes the months to build first: a month may have lost all of its charges. -#}
{% macro delete_months_to_build() -%}
    {%- if is_incremental() -%}
        delete from {{ this }}
        where billing_month in (select m.billing_month from {{ source('control', 'months_to_build') }} as m)
    {%- endif -%}
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
    {% if reads_every_month() -%}
        true
    {%- else -%}
        {{ bounds_of_months(column, months_to_build()) }}
    {%- endif %}
    /* :months to build */
{%- endmacro %}

{#- Whether a table that is kept is there. On Spark none is, and asking starts a JVM. -#}
{% macro reads_every_month() -%}
    {{ return(adapter.dispatch('reads_every_month', 'triptych')()) }}
{%- endmacro %}

{% macro default__reads_every_month() -%}
    {{ return(not is_incremental()) }}
{%- endmacro %}

{% macro spark__reads_every_month() -%}
    {{ return(true) }}
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
