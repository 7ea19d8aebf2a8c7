with amounts as (
    select * from {{ ref('int_charge_amounts') }}
),

run as (
    select * from {{ source('control', 'run') }}
)

select
    amounts.billing_month,
    amounts.source,
    not coalesce(max(case when amounts.is_missing_rate then 1 else 0 end) = 1, false) as is_complete,
    case
        when max(case when amounts.is_missing_rate then 1 else 0 end) = 1
            then
                'exchange rate '
                || {{ distinct_texts('case when amounts.is_missing_rate then amounts.billing_currency end') }}
                || ' to ' || min(run.currency) || ' for ' || amounts.billing_month
    end as missing,
    count(distinct amounts.charge_date) as day_count,
    max(amounts.charge_date) as newest_charge_date
from amounts
cross join run
group by amounts.billing_month, amounts.source
