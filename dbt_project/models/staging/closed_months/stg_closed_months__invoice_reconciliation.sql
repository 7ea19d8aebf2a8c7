{{ rows_in_force(source('evidence', 'locked_invoice_reconciliation')) }}
