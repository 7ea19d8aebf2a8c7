{#-
  Railway's usage and invoices as ledger charges. Usage is billed nothing until the
  invoice of its period settles it; until then its effective cost is an estimate from the
  price table. The list cost stays beside both. Railway's billing period starts on any
  day of a month: it belongs to the month that it starts in.
-#}
{%- set charge = {
    'billed_cost': to_exact_money('billed_cost'),
    'effective_cost': to_exact_money('effective_cost'),
    'list_cost': 'list_cost',
    'list_unit_price': 'list_unit_price',
    'billing_currency': 'currency',
    'billing_period_start': 'billing_period_start',
    'billing_period_end': 'billing_period_end',
    'charge_period_start': 'charge_period_start',
    'charge_period_end': 'charge_period_end',
    'charge_category': "case line_kind when 'usage' then 'Usage' when 'invoiced_usage' then 'Usage'"
        ~ " when 'plan_fee' then 'Purchase' when 'seats' then 'Purchase'"
        ~ " when 'tax' then 'Tax' when 'credit' then 'Credit' else 'Adjustment' end",
    'charge_description': 'description',
    'charge_frequency': "case line_kind when 'usage' then 'Usage-Based' when 'invoiced_usage' then 'Usage-Based'"
        ~ " when 'plan_fee' then 'Recurring' when 'seats' then 'Recurring' else 'One-Time' end",
    'invoice_id': 'invoice_id',
    'invoice_issuer_name': "'Railway'",
    'service_provider_name': "'Railway'",
    'host_provider_name': "'Railway'",
    'provider_name': "'Railway'",
    'publisher_name': "'Railway'",
    'billing_account_id': 'workspace_id',
    'billing_account_name': 'workspace_name',
    'billing_account_type': "'Workspace'",
    'sub_account_id': 'project_id',
    'sub_account_name': 'project_name',
    'sub_account_type': "case when project_id is not null then 'Project' end",
    'service_name': "case when line_kind in ('plan_fee', 'seats') then 'Railway Plan'"
        ~ " when measurement in ('CPU_USAGE', 'CPU_USAGE_2', 'MEMORY_USAGE_GB') then 'Railway Compute'"
        ~ " when measurement in ('DISK_USAGE_GB', 'EPHEMERAL_DISK_USAGE_GB', 'BACKUP_USAGE_GB') then 'Railway Storage'"
        ~ " when measurement = 'NETWORK_TX_GB' then 'Railway Network' else 'Railway' end",
    'service_category': "case when measurement in ('CPU_USAGE', 'CPU_USAGE_2', 'MEMORY_USAGE_GB') then 'Compute'"
        ~ " when measurement in ('DISK_USAGE_GB', 'EPHEMERAL_DISK_USAGE_GB', 'BACKUP_USAGE_GB') then 'Storage'"
        ~ " when measurement = 'NETWORK_TX_GB' then 'Networking' else 'Other' end",
    'sku_id': 'coalesce(measurement, product_id)',
    'sku_meter': 'measurement',
    'sku_price_id': 'price_id',
    'resource_id': 'service_id',
    'resource_name': 'service_name',
    'resource_type': "case when service_id is not null then 'Service' end",
    'region_id': 'region',
    'pricing_category': "case line_kind when 'usage' then 'Standard' end",
    'pricing_quantity': 'quantity',
    'pricing_unit': 'quantity_unit',
    'consumed_quantity': 'quantity',
    'consumed_unit': 'quantity_unit',
    'tags': 'tags',
} -%}
with source as (
    select * from {{ source('evidence', 'railway_usage') }}
)

select
    {{ focus_charge(charge, is_estimated='is_estimated') }}
from source
