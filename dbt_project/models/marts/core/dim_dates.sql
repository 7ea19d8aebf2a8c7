with bounds as (
    select
        min(charge_date) as first_day,
        max(charge_date) as last_day
    from {{ ref('int_charge_amounts') }}
),

days as (
    select {{ each_day('first_day', 'last_day') }} as date_day
    from bounds
)

select
    cast(date_day as date) as date_day,
    {{ month_label('date_day') }} as month,
    cast(extract(year from date_day) as integer) as year,
    cast(extract(quarter from date_day) as integer) as quarter
from days
