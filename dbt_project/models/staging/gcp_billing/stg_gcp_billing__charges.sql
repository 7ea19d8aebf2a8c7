{#-
  Google's billing export as ledger charges. The amount owed for a line is its cost
  plus its credits (negative). A promotion is not a saving of the workload, so it is
  a Credit charge of its own beside the line. Google publishes no amortised cost: the
  effective cost is the net cost. What another vendor sells there is that vendor's.
-#}
{%- set seller = "case when seller_name = '' or seller_name like 'Google%' then null else seller_name end" -%}
{%- set shared = {
    'billing_currency': 'currency',
    'billing_period_start': 'invoice_month_start',
    'billing_period_end': "invoice_month_start + interval '1' month",
    'charge_period_start': 'usage_start_time',
    'charge_period_end': 'usage_end_time',
    'charge_frequency': "'Usage-Based'",
    'service_provider_name': 'coalesce(' ~ seller ~ ", 'Google Cloud')",
    'host_provider_name': "'Google Cloud'",
    'provider_name': "'Google Cloud'",
    'publisher_name': "coalesce(seller_name, 'Google Cloud')",
    'invoice_issuer_name': "'Google Cloud'",
    'billing_account_id': 'billing_account_id',
    'sub_account_id': 'project_id',
    'sub_account_name': 'project_name',
    'service_name': 'service_description',
    'sku_id': 'sku_id',
    'resource_id': 'resource_global_name',
    'resource_name': 'resource_name',
    'region_id': 'location_region',
    'availability_zone': 'location_zone',
    'pricing_quantity': 'usage_amount_in_pricing_units',
    'pricing_unit': 'usage_pricing_unit',
    'consumed_quantity': 'usage_amount',
    'consumed_unit': 'usage_unit',
    'tags': merged_tags(['project_labels', 'tags', 'labels']),
} -%}
{%- set net = to_addend('cost')
    ~ ' + ' ~ to_addend('coalesce(credits_amount, 0)')
    ~ ' - ' ~ to_addend('coalesce(promotion_amount, 0)') -%}
{%- set charge = dict(shared, **{
    'billed_cost': to_exact_money(net),
    'effective_cost': to_exact_money(net),
    'list_cost': to_exact_money('cost_at_list'),
    'contracted_cost': to_exact_money('cost'),
    'charge_category': "case cost_type when 'tax' then 'Tax' when 'regular' then 'Usage' else 'Adjustment' end",
    'charge_description': 'sku_description',
}) -%}
{%- set promotion = dict(shared, **{
    'billed_cost': to_exact_money('promotion_amount'),
    'effective_cost': to_exact_money('promotion_amount'),
    'charge_category': "'Credit'",
    'charge_description': "'Promotion applied to ' || sku_description",
    'pricing_quantity': 'cast(null as decimal(38, 18))',
    'consumed_quantity': 'cast(null as decimal(38, 18))',
}) -%}
with source as (
    select * from {{ source('evidence', 'gcp_billing_export') }}
)

select
    {{ focus_charge(charge) }}
from source
union all
select
    {{ focus_charge(promotion, line_item_count=0) }}
from source
where promotion_amount <> 0
