{#-
  What was invoiced, document by document and in its own currency: the side of a
  reconciliation that no bill can vouch for. Nothing is converted here.
-#}
with lines as (
    select * from {{ ref('int_invoice_lines_counted') }}
),

superseded as (
    select
        lines.invoice_issuer_name,
        lines.invoice_id,
        count(*) as superseded_line_count
    from lines
    where not lines.is_counted
    group by lines.invoice_issuer_name, lines.invoice_id
),

documents as (
    select
        lines.invoice_issuer_name,
        lines.invoice_id,
        lines.currency,
        min(lines.billing_month) as billing_month,
        max(lines.billing_month) as last_billing_month,
        min(lines.source) as source,
        min(lines.load_id) as load_id,
        sum(lines.invoiced_amount) as invoiced_amount,
        sum(lines.tax_amount) as tax_amount,
        sum(lines.credit_amount) as credit_amount,
        max(case lines.status when 'draft' then 3 when 'issued' then 2 when 'paid' then 1 else 0 end) as openness,
        max(lines.corrected_invoice_id) as corrected_invoice_id,
        min(lines.issued_at) as issued_at,
        max(lines.due_at) as due_at,
        count(*) as line_count
    from lines
    where lines.is_counted
    group by lines.invoice_issuer_name, lines.invoice_id, lines.currency
)

select
    documents.invoice_issuer_name,
    documents.invoice_id,
    documents.currency,
    documents.billing_month,
    documents.last_billing_month,
    documents.source,
    documents.load_id,
    {{ to_money('documents.invoiced_amount') }} as invoiced_amount,
    {{ to_money('documents.tax_amount') }} as tax_amount,
    {{ to_money('documents.credit_amount') }} as credit_amount,
    case documents.openness when 3 then 'draft' when 2 then 'issued' when 1 then 'paid' else 'void' end as status,
    documents.openness in (1, 2) as is_final,
    documents.corrected_invoice_id is not null or documents.invoiced_amount < 0 as is_credit_note,
    documents.corrected_invoice_id,
    documents.issued_at,
    documents.due_at,
    documents.line_count,
    cast(coalesce(superseded.superseded_line_count, 0) as bigint) as superseded_line_count
from documents
left join superseded
    on
        documents.invoice_issuer_name = superseded.invoice_issuer_name
        and documents.invoice_id = superseded.invoice_id
