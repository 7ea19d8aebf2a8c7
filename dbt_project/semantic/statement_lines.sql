select
    *,
    case when kind = 'adjustment' then 'adjustments_of_closed_months' else component end as subtotal,
    cast(billing_month || '-01' as date) as month_begin
from {{ source('cost', 'mart_statement_lines') }}
