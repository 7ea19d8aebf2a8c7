{#-
  OpenCost's own prices as ledger charges, for a cluster that nobody bills. Every one of
  them is an estimate: nothing is billed, the effective cost is what OpenCost works out.
-#}
{%- set charge = {
    'billed_cost': 'billed_cost',
    'effective_cost': 'effective_cost',
    'billing_currency': 'currency',
    'billing_period_start': interval_start('month', 'period_start'),
    'billing_period_end': interval_start('month', 'period_start') ~ " + interval '1' month",
    'charge_period_start': 'period_start',
    'charge_period_end': 'period_end',
    'charge_category': "'Usage'",
    'charge_description': "'OpenCost estimate of ' || allocation_name",
    'charge_frequency': "'Usage-Based'",
    'service_provider_name': 'provider',
    'host_provider_name': 'provider',
    'provider_name': 'provider',
    'publisher_name': 'provider',
    'invoice_issuer_name': 'provider',
    'service_name': "'Kubernetes'",
    'service_category': "'Compute'",
    'sub_account_id': 'cluster',
    'resource_id': 'coalesce(provider_id, node, allocation_name)',
    'resource_name': 'coalesce(pod, controller, namespace, allocation_name)',
    'resource_type': 'kind',
    'tags': 'tags',
} -%}
with source as (
    select * from {{ source('evidence', 'opencost_costs') }}
)

select
    {{ focus_charge(charge, is_estimated='true') }}
from source
