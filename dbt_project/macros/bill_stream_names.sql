{#- The names of the bill streams, as a list of SQL texts. -#}
{% macro bill_stream_names() -%}
    {{ return(sql_texts(bill_streams() | map(attribute='stream') | list)) }}
{%- endmacro %}

{#- The names of those that somebody sends an invoice for: all but mere estimates. -#}
{% macro invoiced_stream_names() -%}
    {{ return(sql_texts(bill_streams() | rejectattr('is_never_invoiced', 'defined') | map(attribute='stream') | list)) }}
{%- endmacro %}

{#- The names of those whose usage is billed nothing until an invoice settles it. -#}
{% macro settled_stream_names() -%}
    {{ return(sql_texts(bill_streams() | selectattr('is_settled_by_invoice', 'defined') | map(attribute='stream') | list)) }}
{%- endmacro %}
