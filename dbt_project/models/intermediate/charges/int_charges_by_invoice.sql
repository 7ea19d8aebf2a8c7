{#-
  The ledger by invoice: the side of a reconciliation that the bills vouch for. A second
  and narrow pass over the line items, of the months whose loads changed: no rule is asked,
  and as a cut of int_charges_summed it would carry its list cost through the other three.
-#}
{{ config(
    materialized='incremental',
    incremental_strategy='delete+insert',
    unique_key='billing_month',
    partition_by=['billing_month'],
    on_schema_change='fail',
    pre_hook="{{ delete_months_to_build() }}",
) }}

with charges as (
    select
        billing_period_start,
        source,
        coalesce(nullif(trim(invoice_issuer_name), ''), service_provider_name, source) as invoice_issuer_name,
        nullif(trim(invoice_id), '') as invoice_id,
        upper(billing_currency) as billing_currency,
        charge_category,
        nullif(trim(invoice_detail_id), '') as invoice_detail_id,
        service_name,
        charge_description,
        charge_period_start < billing_period_start as is_earlier_usage,
        coalesce(is_estimated, false) as is_estimated,
        billed_cost,
        list_cost,
        line_item_count
    from {{ ref('int_charges_unioned') }}
    where {{ in_months_to_build('billing_period_start') }}
),

summed as (
    select
        billing_period_start,
        source,
        invoice_issuer_name,
        invoice_id,
        billing_currency,
        charge_category,
        invoice_detail_id,
        service_name,
        charge_description,
        is_earlier_usage,
        is_estimated,
        sum(billed_cost) as billed_cost,
        case when count(list_cost) = count(*) then sum(list_cost) end as list_cost,
        sum(line_item_count) as line_item_count
    from charges
    group by 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11
)

select
    {{ month_label('billing_period_start') }} as billing_month,
    source,
    invoice_issuer_name,
    {{ to_invoice_issuer('invoice_issuer_name') }} as issuer_key,
    invoice_id,
    billing_currency,
    charge_category,
    invoice_detail_id,
    service_name,
    charge_description,
    is_earlier_usage,
    is_estimated,
    {{ to_exact_money('billed_cost') }} as billed_cost,
    {{ to_exact_money('list_cost') }} as list_cost,
    cast(line_item_count as bigint) as line_item_count
from summed
