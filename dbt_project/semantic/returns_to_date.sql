select *, cast(last_month || '-01' as date) as last_month_begin
from {{ source('roi', 'mart_portfolio_roi') }}
where "window" = 'to_date'
