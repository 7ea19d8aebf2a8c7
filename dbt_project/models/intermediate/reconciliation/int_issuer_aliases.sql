{#-
  Names under which issuers invoice and bill, month by month, where these differ and
  their numbers say that they are one: all charges with the numbers of such an issuer's
  invoices are of one issuer. The numbers of the month decide, those of all months where
  it has none. Who invoices the charges of several is nobody's other name, nor is who
  has charges in the month itself: a bill may take on the name of its invoices.
-#}
with charges as (
    select distinct
        billing_month,
        issuer_key,
        case
            when {{ reconciliation_kind('reconciliation_key') }} = 'invoice_id'
                then {{ reconciliation_issuer('reconciliation_key') }}
        end as invoice_issuer_key
    from {{ ref('int_charges_to_reconcile') }}
),

months as (
    select billing_month from charges
    union
    select billing_month from {{ ref('int_invoice_lines_to_reconcile') }}
),

billing as (
    select distinct
        billing_month,
        issuer_key
    from charges
),

of_months as (
    select
        invoice_issuer_key,
        billing_month,
        min(issuer_key) as issuer_key,
        count(distinct issuer_key) as issuer_count
    from charges
    where invoice_issuer_key is not null
    group by invoice_issuer_key, billing_month
),

of_all_months as (
    select
        invoice_issuer_key,
        min(issuer_key) as issuer_key,
        count(distinct issuer_key) as issuer_count
    from charges
    where invoice_issuer_key is not null
    group by invoice_issuer_key
),

names as (
    select
        of_all_months.invoice_issuer_key,
        months.billing_month,
        coalesce(of_months.issuer_key, of_all_months.issuer_key) as issuer_key,
        coalesce(of_months.issuer_count, of_all_months.issuer_count) as issuer_count
    from of_all_months
    cross join months
    left join of_months
        on
            of_all_months.invoice_issuer_key = of_months.invoice_issuer_key
            and months.billing_month = of_months.billing_month
)

select
    names.invoice_issuer_key,
    names.billing_month,
    names.issuer_key
from names
left join billing
    on names.invoice_issuer_key = billing.issuer_key and names.billing_month = billing.billing_month
where names.issuer_count = 1 and names.issuer_key <> names.invoice_issuer_key and billing.issuer_key is null
