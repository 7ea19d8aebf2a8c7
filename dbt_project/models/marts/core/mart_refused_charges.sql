{#-
  What charges that were refused would have cost at most, in the reporting currency: as
  the row states, or as the largest of enough like rows cost. NULL where that is not known
  of one of them. A charge whose month cannot be read may be of any month of its load.
-#}
with months_of_loads as (
    select distinct
        load_id,
        billing_month
    from {{ source('catalogue', 'load_totals') }}
),

refused as (
    select
        coalesce(quarantine.billing_month, months_of_loads.billing_month) as billing_month,
        quarantine.source,
        quarantine.stream,
        coalesce(quarantine.subject, 'what names nothing') as subject,
        quarantine.reason,
        quarantine.currency,
        quarantine.amount,
        quarantine.amount_basis,
        quarantine.compared_row_count
    from {{ source('catalogue', 'quarantine') }} as quarantine
    inner join {{ source('catalogue', 'loads') }} as loads
        on quarantine.load_id = loads.load_id and loads.status = 'current'
    left join months_of_loads
        on quarantine.load_id = months_of_loads.load_id and quarantine.billing_month is null
    where coalesce(quarantine.is_charge, true) and quarantine.stream in ({{ bill_stream_names() }})
),

converted as (
    select
        refused.*,
        run.currency as reporting_currency,
        case
            when refused.currency = run.currency then refused.amount
            else {{ money_times_rate('refused.amount', 'rates.rate') }}
        end as reported_amount
    from refused
    cross join {{ ref('mart_run') }} as run
    left join {{ ref('int_exchange_rates_by_month') }} as rates
        on
            refused.billing_month = rates.billing_month
            and refused.currency = rates.from_currency
            and run.currency = rates.to_currency
    where refused.billing_month is not null
)

select
    billing_month,
    source,
    stream,
    subject,
    reason,
    count(*) as row_count,
    reporting_currency as currency,
    {{ to_money('case when count(*) = count(reported_amount) then sum(reported_amount) end') }} as amount,
    {{ distinct_texts('case when reported_amount is not null then amount_basis end') }} as amount_basis,
    min(compared_row_count) as compared_row_count
from converted
group by billing_month, source, stream, subject, reason, reporting_currency
