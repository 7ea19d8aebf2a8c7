{#-
  Names under which issuers invoice and bill, where these differ and their numbers say
  that they are one: all charges with the numbers of such an issuer's invoices are of one
  issuer. Who invoices the charges of several is nobody's other name.
-#}
with numbered as (
    select distinct
        {{ reconciliation_issuer('reconciliation_key') }} as invoice_issuer_key,
        issuer_key
    from {{ ref('int_charges_to_reconcile') }}
    where {{ reconciliation_kind('reconciliation_key') }} = 'invoice_id'
)

select
    invoice_issuer_key,
    min(issuer_key) as issuer_key
from numbered
group by invoice_issuer_key
having count(*) = 1 and min(issuer_key) <> invoice_issuer_key
