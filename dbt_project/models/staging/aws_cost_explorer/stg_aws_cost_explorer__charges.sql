{#-
  Daily totals of AWS Cost Explorer as ledger charges. They are coarse: no resource, no
  invoice, no price. What AWS still estimates is billed nothing; its effective cost is
  the amortised estimate. Credits stand inside the totals, unless they were asked for by
  record type; Cost Explorer calls some of those otherwise than a bill does.
-#}
{%- set credits = [
    'Credit', 'EdpDiscount', 'Enterprise Discount Program Discount', 'BundledDiscount', 'Bundled Discount',
] -%}
{%- set charge = {
    'billed_cost': to_exact_money('case when is_estimated then 0 else unblended_cost end'),
    'effective_cost': to_exact_money('amortized_cost'),
    'billing_currency': 'currency',
    'billing_period_start': 'billing_period_start',
    'billing_period_end': "billing_period_start + interval '1' month",
    'charge_period_start': 'usage_start',
    'charge_period_end': 'usage_end',
    'charge_category': "case when record_type = 'Tax' or service = 'Tax' then 'Tax'"
        ~ " when record_type in (" ~ sql_texts(credits) ~ ") then 'Credit'"
        ~ " when record_type = 'Refund' then 'Adjustment'"
        ~ " when record_type in ('Fee', 'RIFee', 'SavingsPlanRecurringFee', 'SavingsPlanUpfrontFee')"
        ~ " then 'Purchase' else 'Usage' end",
    'charge_description': "'Daily total of ' || coalesce(service, 'all services')"
        ~ " || coalesce(', ' || usage_type, '') || coalesce(', ' || record_type, '')",
    'invoice_issuer_name': "'Amazon Web Services'",
    'service_provider_name': "'Amazon Web Services'",
    'host_provider_name': "'Amazon Web Services'",
    'provider_name': "'Amazon Web Services'",
    'publisher_name': "'Amazon Web Services'",
    'sub_account_id': 'linked_account',
    'service_name': 'service',
    'sku_meter': 'usage_type',
    'region_id': 'region',
    'consumed_quantity': 'usage_quantity',
    'consumed_unit': 'usage_unit',
    'tags': 'tags',
} -%}
with source as (
    select * from {{ source('evidence', 'aws_cost_explorer') }}
)

select
    {{ focus_charge(charge, is_estimated='is_estimated') }}
from source
