select * from {{ source('delivery', 'mart_accelerator_idle_costs') }}
