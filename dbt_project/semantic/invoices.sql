with held as (
    select
        *,
        cast(billing_month || '-01' as date) as month_begin
    from {{ source('cost', 'mart_invoice_reconciliation') }}
)

select
    held.*,
    -- Both marts have the bill's name; an issuer has several.
    held.state = 'no_invoice' and exists (
        select 1 from {{ source('cost', 'mart_accruals') }} as accruals
        where
            accruals.state = 'to_accrue' and accruals.accrual_amount is not null
            and accruals.billing_month = held.billing_month
            and accruals.currency = held.currency
            and ', ' || accruals.source || ', ' like '%, ' || held.source || ', %'
    ) as is_awaited
from held
