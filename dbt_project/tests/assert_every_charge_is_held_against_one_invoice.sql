{#-
  No charge is lost or doubled on its way to an invoice: by source, month and currency the
  ledger by invoice is the ledger by day, to the last of eighteen decimals, and what is
  reconciled is the ledger by invoice.
-#}
with by_invoice as (
    select
        billing_month,
        source,
        billing_currency,
        sum(billed_cost) as billed_cost,
        sum(line_item_count) as line_item_count
    from {{ ref('int_charges_by_invoice') }}
    group by billing_month, source, billing_currency
),

by_day as (
    select
        billing_month,
        source,
        upper(billing_currency) as billing_currency,
        sum(billed_cost) as billed_cost,
        sum(line_item_count) as line_item_count
    from {{ ref('int_daily_service_charges') }}
    group by billing_month, source, upper(billing_currency)
),

reconciled as (
    select
        billing_month,
        currency,
        sum(ledger_row_count) as line_item_count
    from {{ ref('int_invoice_reconciliation_live') }}
    group by billing_month, currency
),

to_reconcile as (
    select
        billing_month,
        currency,
        sum(line_item_count) as line_item_count
    from {{ ref('int_charges_to_reconcile') }}
    group by billing_month, currency
)

select
    coalesce(by_invoice.billing_month, by_day.billing_month) as billing_month,
    coalesce(by_invoice.source, by_day.source) as source
from by_invoice
full outer join by_day
    on
        by_invoice.billing_month = by_day.billing_month
        and by_invoice.source = by_day.source
        and by_invoice.billing_currency = by_day.billing_currency
where
    coalesce(by_invoice.billed_cost, -1) <> coalesce(by_day.billed_cost, -2)
    or coalesce(by_invoice.line_item_count, -1) <> coalesce(by_day.line_item_count, -2)
union all
select
    to_reconcile.billing_month,
    to_reconcile.currency as source
from to_reconcile
left join reconciled
    on to_reconcile.billing_month = reconciled.billing_month and to_reconcile.currency = reconciled.currency
where to_reconcile.line_item_count <> coalesce(reconciled.line_item_count, 0)
