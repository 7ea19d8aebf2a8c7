{#-
  Written by `make reference` from the folders in `models/staging/`.
  The streams that are bills, as `bill.toml` of each folder declares them.
-#}
{% macro bill_streams() -%}
    {{ return([
        {
            'stream': 'aws_cost_explorer',
            'charges': 'stg_aws_cost_explorer__charges',
            'billed': 'null',
            'effective': 'second_amount',
        },
        {
            'stream': 'aws_cur2',
            'charges': 'stg_aws_data_exports__charges',
            'billed': 'first_amount',
            'effective': 'null',
        },
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
            'stream': 'llm_provider_costs',
            'charges': 'stg_llm_providers__charges',
            'billed': 'first_amount',
            'effective': 'first_amount',
        },
        {
            'stream': 'opencost_costs',
            'charges': 'stg_opencost__charges',
            'billed': 'first_amount',
            'effective': 'second_amount',
            'is_never_invoiced': true,
        },
        {
            'stream': 'railway_usage',
            'charges': 'stg_railway__charges',
            'billed': 'first_amount',
            'effective': 'second_amount',
            'is_settled_by_invoice': true,
        },
    ]) }}
{%- endmacro %}
