{#-
  AWS CUR 2.0 as ledger charges. The billed amount is the unblended cost; the
  effective amount follows AWS's amortisation rule by line item type. What a
  commitment left unused is a charge of its own. Split rows of EKS and ECS repeat
  their instance's money and are a meter, never money. Products of the marketplace, among them
  Bedrock's models of other vendors, have a code that nobody can read: their name comes before it,
  also where AWS invoices the model itself. A negation and a fee repeat the quantity of what they
  cover; they consume none.
-#}
{%- set if_usage = "case when line_item_line_item_type in ('Usage', 'DiscountedUsage', 'SavingsPlanCoveredUsage')"
    ~ ' then ' -%}
{%- set has_name = "bill_billing_entity = 'AWS Marketplace'"
    ~ " or product_servicecode = 'AmazonBedrockFoundationModels'" -%}
{%- set seller = "nullif(line_item_legal_entity, '')" -%}
{%- set shared = {
    'billing_currency': 'line_item_currency_code',
    'billing_period_start': 'bill_billing_period_start_date',
    'billing_period_end': 'bill_billing_period_end_date',
    'charge_period_start': 'line_item_usage_start_date',
    'charge_period_end': 'line_item_usage_end_date',
    'charge_description': 'line_item_line_item_description',
    'invoice_id': 'bill_invoice_id',
    'invoice_issuer_name': "coalesce(nullif(bill_invoicing_entity, ''), " ~ seller ~ ", 'Amazon Web Services')",
    'service_provider_name': "coalesce(" ~ seller ~ ", 'Amazon Web Services')",
    'host_provider_name': "'Amazon Web Services'",
    'provider_name': "'Amazon Web Services'",
    'billing_account_id': 'bill_payer_account_id',
    'billing_account_name': 'bill_payer_account_name',
    'sub_account_id': 'line_item_usage_account_id',
    'sub_account_name': 'line_item_usage_account_name',
    'service_name': 'coalesce(case when ' ~ has_name ~ ' then ' ~ tag_value('product', 'product_name')
        ~ " end, nullif(product_servicecode, ''), line_item_product_code)",
    'sku_meter': 'line_item_usage_type',
    'resource_id': 'line_item_resource_id',
    'region_id': 'product_region_code',
    'availability_zone': 'line_item_availability_zone',
    'commitment_discount_id': "coalesce(nullif(savings_plan_savings_plan_a_r_n, ''), nullif(reservation_reservation_a_r_n, ''))",
    'tags': 'resource_tags',
} -%}
{%- set charge = dict(shared, **{
    'billed_cost': 'line_item_unblended_cost',
    'effective_cost': to_exact_money('amortised_cost'),
    'list_cost': 'pricing_public_on_demand_cost',
    'charge_category': 'charge_category',
    'pricing_unit': 'pricing_unit',
    'consumed_quantity': if_usage ~ 'line_item_usage_amount end',
    'consumed_unit': if_usage ~ 'pricing_unit end',
    'commitment_discount_status': 'commitment_discount_status',
}) -%}
{%- set unused = dict(shared, **{
    'billed_cost': to_exact_money('0'),
    'effective_cost': to_exact_money('unused_commitment_cost'),
    'charge_category': "'Usage'",
    'commitment_discount_status': "'Unused'",
}) -%}
with amortised as (
    select * from {{ ref('stg_aws_data_exports__amortised_lines') }}
)

select
    {{ focus_charge(charge) }}
from amortised
union all
select
    {{ focus_charge(unused, line_item_count=0) }}
from amortised
where unused_commitment_cost <> 0
