{#- Lines of invoices with the key of the charges that they are held against. -#}
with lines as (
    select
        *,
        {{ reconciliation_key('invoice_id', 'issuer_key', 'reconciled_invoice_id') }} as invoice_key,
        {{ reconciliation_key('issuer_month', 'issuer_key', 'billing_month') }} as issuer_month_key
    from {{ ref('int_invoice_lines_to_reconcile') }}
),

keys_of_charges as (
    select distinct charges.reconciliation_key
    from {{ ref('int_charges_to_reconcile') }} as charges
)

select
    case
        when by_invoice.reconciliation_key is null and by_issuer_month.reconciliation_key is not null
            then lines.issuer_month_key
        else lines.invoice_key
    end as reconciliation_key,
    lines.source,
    lines.load_id,
    lines.invoice_issuer_name,
    lines.issuer_key,
    lines.invoice_id,
    lines.billing_month,
    lines.currency,
    lines.status,
    lines.invoice_line_id,
    lines.line_type,
    lines.description,
    lines.is_credit_note,
    lines.invoiced_amount,
    lines.tax_amount,
    lines.credit_amount
from lines
left join keys_of_charges as by_invoice on lines.invoice_key = by_invoice.reconciliation_key
left join keys_of_charges as by_issuer_month on lines.issuer_month_key = by_issuer_month.reconciliation_key
