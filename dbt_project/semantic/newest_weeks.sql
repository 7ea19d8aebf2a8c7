select * from {{ source('cost', 'mart_newest_weeks') }}
