select * from {{ source('cost', 'mart_cost_forecasts') }}
