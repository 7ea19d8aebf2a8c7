{#-
  The streams that are bills. Each has one staging model of ledger charges, and says
  which of the two amounts summed when a load was committed its ledger must equal:
  `billed` and `effective` are expressions over first_amount and second_amount, NULL
  where staging computes the amount. What is_never_invoiced is an estimate of somebody's
  cost, and waits for no invoice. Usage that is_settled_by_invoice has a price, and is
  billed nothing until the invoice comes. `triptych/warehouse/bills.py` lists the same.
-#}
{% macro bill_streams() -%}
    {{ return([
        {
            'stream': 'focus',
            'charges': 'stg_focus__charges',
            'billed': 'first_amount',
            'effective': 'second_amount',
        },
        {
            'stream': 'gcp_billing_export',
            'charges': 'stg_gcp_billing__charges',
            'billed': 'first_amount + coalesce(second_amount, 0)',
            'effective': 'null',
        },
        {
            'stream': 'aws_cur2',
            'charges': 'stg_aws_data_exports__charges',
            'billed': 'first_amount',
            'effective': 'null',
        },
        {
            'stream': 'aws_cost_explorer',
            'charges': 'stg_aws_cost_explorer__charges',
            'billed': 'null',
            'effective': 'second_amount',
        },
        {
            'stream': 'llm_provider_costs',
            'charges': 'stg_llm_providers__charges',
            'billed': 'first_amount',
            'effective': 'first_amount',
        },
        {
            'stream': 'railway_usage',
            'charges': 'stg_railway__charges',
            'billed': 'first_amount',
            'effective': 'second_amount',
            'is_settled_by_invoice': true,
        },
        {
            'stream': 'opencost_costs',
            'charges': 'stg_opencost__charges',
            'billed': 'first_amount',
            'effective': 'second_amount',
            'is_never_invoiced': true,
        },
    ]) }}
{%- endmacro %}

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
