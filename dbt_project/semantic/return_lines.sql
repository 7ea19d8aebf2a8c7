select *, "window" as return_window, cast(until_month || '-01' as date) as month_begin
from {{ source('roi', 'mart_return_ladder') }}
