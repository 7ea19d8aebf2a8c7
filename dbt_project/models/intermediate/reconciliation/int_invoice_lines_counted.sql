{#-
  An invoice is a document: it counts as the newest load that holds it says, whole, and
  its lines in older loads do not. A line with an id that one load holds twice counts
  once; equal lines without an id are two lines.
-#}
with ranked as (
    select
        lines.*,
        dense_rank() over (
            partition by lines.invoice_issuer_name, lines.invoice_id
            order by lines.load_id desc
        ) as load_recency,
        row_number() over (
            partition by
                lines.load_id,
                lines.invoice_issuer_name,
                lines.invoice_id,
                lines.invoice_line_id,
                lines.currency,
                lines.billing_month,
                lines.line_type,
                lines.invoiced_amount,
                lines.tax_amount,
                lines.credit_amount
            order by lines.status asc
        ) as repetition
    from {{ ref('stg_tables__invoices') }} as lines
)

select
    source,
    load_id,
    invoice_issuer_name,
    invoice_id,
    invoice_line_id,
    line_type,
    description,
    status,
    corrected_invoice_id,
    currency,
    invoiced_amount,
    tax_amount,
    credit_amount,
    billing_month,
    issued_at,
    due_at,
    load_recency = 1 as is_counted
from ranked
where invoice_line_id is null or repetition = 1
