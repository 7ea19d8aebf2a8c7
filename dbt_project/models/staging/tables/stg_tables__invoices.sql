{#-
  Lines of invoices and credit notes as delivered. What a line is charged as tax or
  credit stands in a column of its own, or the line as a whole is one. Where no issuer
  is named, the source is.
-#}
with source as (
    select
        invoices.*,
        coalesce(lower(trim(invoices.line_type)), 'charge') as kind
    from {{ source('evidence', 'invoices') }} as invoices
)

select
    _source as source,
    _load_id as load_id,
    coalesce(nullif(trim(invoice_issuer_name), ''), _source) as invoice_issuer_name,
    invoice_id,
    invoice_line_id,
    kind as line_type,
    description,
    case
        when lower(trim(status)) in ('draft', 'pending', 'upcoming', 'estimated') then 'draft'
        when lower(trim(status)) in ('void', 'voided', 'cancelled', 'canceled', 'deleted') then 'void'
        when lower(trim(status)) in ('paid', 'settled') then 'paid'
        else 'issued'
    end as status,
    corrected_invoice_id,
    currency,
    invoiced_amount,
    coalesce(tax_amount, case when kind = 'tax' then invoiced_amount end) as tax_amount,
    coalesce(credit_amount, case when kind = 'credit' then invoiced_amount end) as credit_amount,
    {{ month_label('billing_period_start') }} as billing_month,
    issued_at,
    due_at
from source
