select *, substr(cast(first_day as varchar), 1, 7) as first_month
from {{ source('cost', 'mart_cost_anomalies') }}
