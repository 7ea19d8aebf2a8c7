{#-
  The ledger by invoice, each amount with the key of what it is held against: the invoice
  whose number it carries; without a number, the invoices of its issuer and month that
  no charge numbers, else the only one there is, if it is of the same bill. What finds
  none has a key of its own.
-#}
with bills as (
    select
        source,
        {{ each_of('streams') }} as stream
    from {{ source('catalogue', 'sources') }}
),

never_invoiced as (
    select bills.source
    from bills
    group by bills.source
    having max(case when bills.stream in ({{ invoiced_stream_names() }}) then 1 else 0 end) = 0
),

settled as (
    select bills.source
    from bills
    group by bills.source
    having max(case when bills.stream in ({{ settled_stream_names() }}) then 1 else 0 end) = 1
),

charges as (
    select
        by_invoice.*,
        settled.source is not null as is_settled_by_invoice
    from {{ ref('int_charges_by_invoice') }} as by_invoice
    left join never_invoiced on by_invoice.source = never_invoiced.source
    left join settled on by_invoice.source = settled.source
    where never_invoiced.source is null
),

lines as (
    select * from {{ ref('int_invoice_lines_to_reconcile') }}
),

numbered_documents as (
    select
        lines.issuer_key,
        lines.invoice_id,
        min(lines.reconciled_invoice_id) as reconciled_invoice_id
    from lines
    group by lines.issuer_key, lines.invoice_id
),

numbers_of_one_issuer as (
    select
        numbered_documents.invoice_id,
        min(numbered_documents.issuer_key) as issuer_key,
        min(numbered_documents.reconciled_invoice_id) as reconciled_invoice_id
    from numbered_documents
    group by numbered_documents.invoice_id
    having count(distinct numbered_documents.issuer_key) = 1
),

numbered as (
    select
        charges.*,
        coalesce(of_issuer.issuer_key, of_anybody.issuer_key) as document_issuer_key,
        coalesce(of_issuer.reconciled_invoice_id, of_anybody.reconciled_invoice_id) as document_id
    from charges
    left join numbered_documents as of_issuer
        on charges.issuer_key = of_issuer.issuer_key and charges.invoice_id = of_issuer.invoice_id
    left join numbers_of_one_issuer as of_anybody on charges.invoice_id = of_anybody.invoice_id
),

claimed as (
    select distinct
        numbered.document_issuer_key,
        numbered.document_id
    from numbered
    where numbered.document_id is not null
),

claimed_by_source as (
    select distinct
        numbered.source,
        numbered.document_issuer_key,
        numbered.document_id
    from numbered
    where numbered.document_id is not null
),

issuer_months as (
    select
        lines.issuer_key,
        lines.billing_month,
        count(distinct case when claimed.document_id is null then lines.reconciled_invoice_id end) as unclaimed_count,
        count(distinct claimed.document_id) as claimed_count,
        min(claimed.document_id) as claimed_document_id
    from lines
    left join claimed
        on lines.issuer_key = claimed.document_issuer_key and lines.reconciled_invoice_id = claimed.document_id
    group by lines.issuer_key, lines.billing_month
)

select
    case
        when numbered.document_id is not null
            then {{ reconciliation_key('invoice_id', 'numbered.document_issuer_key', 'numbered.document_id') }}
        when numbered.invoice_id is not null
            then {{ reconciliation_key('none', 'numbered.issuer_key', 'numbered.invoice_id') }}
        when issuer_months.unclaimed_count > 0
            then {{ reconciliation_key('issuer_month', 'numbered.issuer_key', 'numbered.billing_month') }}
        when issuer_months.claimed_count = 1 and claimed_by_source.document_id is not null
            then {{ reconciliation_key('invoice_id', 'numbered.issuer_key', 'issuer_months.claimed_document_id') }}
        else {{ reconciliation_key('none', 'numbered.issuer_key', "''") }}
    end as reconciliation_key,
    numbered.billing_month,
    numbered.source,
    numbered.invoice_issuer_name,
    numbered.issuer_key,
    numbered.invoice_id,
    numbered.billing_currency as currency,
    numbered.charge_category,
    numbered.invoice_detail_id,
    numbered.service_name,
    numbered.charge_description,
    numbered.is_earlier_usage,
    numbered.is_settled_by_invoice,
    numbered.billed_cost,
    numbered.list_cost,
    numbered.line_item_count
from numbered
left join issuer_months
    on numbered.issuer_key = issuer_months.issuer_key and numbered.billing_month = issuer_months.billing_month
left join claimed_by_source
    on
        numbered.source = claimed_by_source.source
        and issuer_months.issuer_key = claimed_by_source.document_issuer_key
        and issuer_months.claimed_document_id = claimed_by_source.document_id
