{#-
  invoiced = ledger + explained + unexplained, and the parts of what is explained sum to
  it: in every row, to the last digit. A side that is not there counts nothing.
-#}
select *
from {{ ref('int_invoice_reconciliation_live') }}
where
    coalesce(invoiced_amount, 0) <> coalesce(ledger_billed_cost, 0) + explained_amount + unexplained_amount
    or explained_amount <> explained_tax_amount + explained_credit_amount + explained_rounding_amount
    + explained_exchange_amount + explained_timing_amount + explained_missing_line_amount
    or difference_amount <> explained_amount + unexplained_amount
    or (state = 'reconciled' and abs(unexplained_amount + explained_missing_line_amount) > tolerance_amount)
    or (state in ('no_invoice', 'no_ledger') and explained_rounding_amount <> 0)
