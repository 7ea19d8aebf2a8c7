select * from {{ source('delivery', 'mart_assistant_weeks') }}
