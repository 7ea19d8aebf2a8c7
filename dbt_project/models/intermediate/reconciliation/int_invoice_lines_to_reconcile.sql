{#-
  Lines of invoices that ask for something, with the issuer as bills know it, the first
  month that the invoice is for, and the document they are reconciled with. A credit note that the bill does not number is
  reconciled with the invoice it corrects, where both are of one month. What a line
  asks beside tax and credit is its net amount.
-#}
with lines as (
    select * from {{ ref('int_invoice_lines_counted') }}
    where is_counted and status <> 'void'
),

charges as (
    select * from {{ ref('int_charges_by_invoice') }}
),

numbers_in_bills as (
    select distinct charges.invoice_id
    from charges
    where charges.invoice_id is not null
),

issuers_of_sources as (
    select
        lower(charges.source) as issuer_name,
        min(charges.issuer_key) as issuer_key
    from charges
    group by lower(charges.source)
    having count(distinct charges.issuer_key) = 1
),

issued as (
    select
        lines.*,
        min(lines.billing_month) over (
            partition by lines.invoice_issuer_name, lines.invoice_id
        ) as first_billing_month,
        coalesce(
            issuers_of_sources.issuer_key, {{ to_invoice_issuer('lines.invoice_issuer_name') }}
        ) as issuer_key
    from lines
    left join issuers_of_sources on lower(trim(lines.invoice_issuer_name)) = issuers_of_sources.issuer_name
),

documents as (
    select distinct
        issued.issuer_key,
        trim(issued.invoice_id) as invoice_id,
        issued.first_billing_month
    from issued
)

select
    issued.source,
    issued.load_id,
    issued.invoice_issuer_name,
    issued.issuer_key,
    trim(issued.invoice_id) as invoice_id,
    case
        when numbers_in_bills.invoice_id is null and corrected.invoice_id is not null then corrected.invoice_id
        else trim(issued.invoice_id)
    end as reconciled_invoice_id,
    issued.first_billing_month as billing_month,
    upper(issued.currency) as currency,
    issued.status,
    issued.invoice_line_id,
    issued.line_type,
    issued.description,
    issued.corrected_invoice_id is not null as is_credit_note,
    {{ to_money('issued.invoiced_amount') }} as invoiced_amount,
    {{ to_money('issued.tax_amount') }} as tax_amount,
    case
        when issued.corrected_invoice_id is not null
            then {{ to_money('issued.invoiced_amount') }} - {{ to_money('coalesce(issued.tax_amount, 0)') }}
        else {{ to_money('issued.credit_amount') }}
    end as credit_amount
from issued
left join numbers_in_bills on trim(issued.invoice_id) = numbers_in_bills.invoice_id
left join documents as corrected
    on
        issued.issuer_key = corrected.issuer_key
        and trim(issued.corrected_invoice_id) = corrected.invoice_id
        and issued.first_billing_month = corrected.first_billing_month
        and trim(issued.invoice_id) <> corrected.invoice_id
