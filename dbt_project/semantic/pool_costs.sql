select * from {{ source('cost', 'fct_daily_pool_costs') }}
