{#-
  What a source's month is known to lack: exchange rates, and charges that were refused
  because their amount, or something else that must be there, cannot be read. Nobody
  knows what they would have cost, so that a total without them is "at least". A refused
  charge whose month cannot be read may be of any month of its load.
-#}
{%- set named = 3 %}
with amounts as (
    select * from {{ ref('int_charge_amounts') }}
),

run as (
    select * from {{ source('control', 'run') }}
),

rates as (
    select
        amounts.billing_month,
        amounts.source,
        max(case when amounts.is_missing_rate then 1 else 0 end) = 1 as is_missing_rate,
        {{ distinct_texts('case when amounts.is_missing_rate then amounts.billing_currency end') }} as currencies,
        min(run.currency) as currency,
        count(distinct amounts.charge_date) as day_count,
        max(amounts.charge_date) as newest_charge_date
    from amounts
    cross join run
    group by amounts.billing_month, amounts.source
),

months_of_loads as (
    select distinct
        load_id,
        billing_month
    from {{ source('catalogue', 'load_totals') }}
),

refused as (
    select
        coalesce(quarantine.billing_month, months_of_loads.billing_month) as billing_month,
        quarantine.source,
        coalesce(quarantine.subject, 'what names nothing') as subject,
        quarantine.reason,
        count(*) as row_count
    from {{ source('catalogue', 'quarantine') }} as quarantine
    inner join {{ source('catalogue', 'loads') }} as loads
        on quarantine.load_id = loads.load_id and loads.status = 'current'
    left join months_of_loads
        on quarantine.load_id = months_of_loads.load_id and quarantine.billing_month is null
    where coalesce(quarantine.is_charge, true) and quarantine.stream in ({{ bill_stream_names() }})
    group by
        coalesce(quarantine.billing_month, months_of_loads.billing_month),
        quarantine.source,
        coalesce(quarantine.subject, 'what names nothing'),
        quarantine.reason
),

ranked as (
    select
        *,
        row_number() over (
            partition by billing_month, source order by row_count desc, subject asc, reason asc
        ) as place,
        sum(row_count) over (partition by billing_month, source) as total_row_count,
        count(*) over (partition by billing_month, source) as subject_count
    from refused
    where billing_month is not null
),

unpriced as (
    select
        billing_month,
        source,
        {{ distinct_texts(
            "case when place <= " ~ named ~ " then 'cost of ' || subject || ' (' || cast(row_count as string)"
            ~ " || case when row_count = 1 then ' row' else ' rows' end || ' refused: ' || reason || ')' end"
        ) }}
        || case
            when max(subject_count) > {{ named }}
                then
                    ' and of more, ' || cast(cast(max(total_row_count) as bigint) as string) || ' refused rows in all'
            else ''
        end as missing
    from ranked
    group by billing_month, source
)

select
    coalesce(rates.billing_month, unpriced.billing_month) as billing_month,
    coalesce(rates.source, unpriced.source) as source,
    not coalesce(rates.is_missing_rate, false) and unpriced.missing is null as is_complete,
    case
        when coalesce(rates.is_missing_rate, false)
            then
                'exchange rate ' || rates.currencies || ' to ' || rates.currency || ' for ' || rates.billing_month
                || coalesce('; ' || unpriced.missing, '')
        else unpriced.missing
    end as missing,
    coalesce(rates.day_count, 0) as day_count,
    rates.newest_charge_date
from rates
full outer join unpriced
    on rates.billing_month = unpriced.billing_month and rates.source = unpriced.source
