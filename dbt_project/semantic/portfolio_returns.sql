select *, "window" as return_window, cast(last_month || '-01' as date) as month_begin
from {{ source('roi', 'mart_portfolio_roi') }}
