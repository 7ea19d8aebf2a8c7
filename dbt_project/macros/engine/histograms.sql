{#- Infinity, the last bound of every histogram. -#}
{% macro infinity() -%}
    cast('Infinity' as double)
{%- endmacro %}

{#-
  In a select list: one row for each bucket of a histogram that is given as JSON, as a
  struct with `key` (the upper bound, as text) and `value` (the requests within it).
-#}
{% macro each_bucket(text) -%}
    {{ return(adapter.dispatch('each_bucket', 'triptych')(text)) }}
{%- endmacro %}

{% macro default__each_bucket(text) -%}
    unnest(map_entries(try_cast(try_cast({{ text }} as json) as map(varchar, double))))
{%- endmacro %}

{% macro spark__each_bucket(text) -%}
    explode(map_entries(from_json({{ text }}, 'map<string,double>')))
{%- endmacro %}
