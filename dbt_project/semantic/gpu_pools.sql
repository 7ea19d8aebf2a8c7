select * from {{ source('delivery', 'mart_accelerator_efficiency') }}
