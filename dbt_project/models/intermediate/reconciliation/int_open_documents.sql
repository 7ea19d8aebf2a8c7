{#-
  Documents that do not tie, and of closed months those that are not as these were closed
  with. Each is open since it was issued or the month ended, of a closed month since the
  close, if that is later.
-#}
with locks as (
    select * from {{ source('control', 'period_locks') }}
),

locked as (
    select
        *,
        coalesce(invoice_id, '') as invoice_key
    from {{ ref('stg_closed_months__invoice_reconciliation') }}
),

documents as (
    select
        live.*,
        locks.billing_month is not null as is_about_closed_month,
        coalesce(locks.locked_at, {{ month_end('live.billing_month') }}) as due_since
    from {{ ref('int_invoice_reconciliation_live') }} as live
    left join locks on live.billing_month = locks.billing_month
    left join locked
        on
            live.billing_month = locked.billing_month
            and live.invoice_issuer_name = locked.invoice_issuer_name
            and coalesce(live.invoice_id, '') = locked.invoice_key
            and live.currency = locked.currency
            and coalesce(live.invoiced_amount, 0) = coalesce(locked.invoiced_amount, 0)
            and coalesce(live.ledger_billed_cost, 0) = coalesce(locked.ledger_billed_cost, 0)
    where live.state <> 'reconciled' or (locks.billing_month is not null and locked.billing_month is null)
),

numbers as (
    select
        documents.billing_month,
        documents.invoice_issuer_name,
        documents.invoice_id,
        documents.currency,
        {{ each_of("split(documents.invoice_id, ', ')") }} as one_invoice_id
    from documents
    where documents.invoice_id is not null
),

issued as (
    select
        numbers.billing_month,
        numbers.invoice_issuer_name,
        numbers.invoice_id,
        numbers.currency,
        max(invoices.issued_at) as issued_at
    from numbers
    inner join {{ ref('int_invoice_lines_counted') }} as invoices
        on
            numbers.one_invoice_id = trim(invoices.invoice_id)
            and numbers.billing_month = invoices.billing_month
            and numbers.currency = upper(invoices.currency)
            and invoices.is_counted
    group by numbers.billing_month, numbers.invoice_issuer_name, numbers.invoice_id, numbers.currency
)

select
    documents.*,
    cast(
        case when issued.issued_at > documents.due_since then issued.issued_at else documents.due_since end as date
    ) as open_since
from documents
left join issued
    on
        documents.billing_month = issued.billing_month
        and documents.invoice_issuer_name = issued.invoice_issuer_name
        and documents.invoice_id = issued.invoice_id
        and documents.currency = issued.currency
