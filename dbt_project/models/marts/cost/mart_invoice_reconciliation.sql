{#- What was computed, and for closed months what stood here when they were closed. -#}
{%- set columns = [
    'billing_month', 'invoice_issuer_name', 'invoice_id', 'source', 'currency', 'invoiced_amount',
    'ledger_billed_cost', 'difference_amount', 'explained_tax_amount', 'explained_credit_amount',
    'explained_rounding_amount', 'explained_exchange_amount', 'explained_timing_amount',
    'explained_missing_line_amount', 'explained_amount', 'unexplained_amount', 'tolerance_amount', 'state',
    'matched_by', 'invoice_line_count', 'ledger_row_count', 'is_final', 'missing_lines', 'reason',
] -%}
{{ live_or_locked(
    'mart_invoice_reconciliation', ref('int_invoice_reconciliation_live'), ref('stg_closed_months__invoice_reconciliation'), columns
) }}
