select * from {{ source('cost', 'fct_daily_model_costs') }}
