{#-
  What a source's month is known to lack: exchange rates, amounts in the reporting
  currency where it was closed in another one, and charges that were refused
  because their amount, or something else that must be there, cannot be read, with what
  they would have cost at most, if that is known. A refused charge whose month cannot be
  read may be of any month of its load.
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

closed as (
    select
        locked.billing_month,
        locked.source,
        min('cost in ' || run.currency || ', as it was closed in ' || locked.currency) as missing
    from {{ ref('stg_closed_months__cost_waterfall') }} as locked
    cross join run
    where locked.step = 'ledger' and locked.currency <> run.currency
    group by locked.billing_month, locked.source
),

refused as (
    select
        billing_month,
        source,
        subject,
        reason,
        cast(sum(row_count) as bigint) as row_count,
        case when count(amount) = count(*) then sum(amount) end as amount
    from {{ ref('mart_refused_charges') }}
    group by billing_month, source, subject, reason
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
        end as missing,
        cast(sum(row_count) as bigint) as row_count,
        case when count(amount) = count(*) then sum(amount) end as amount
    from ranked
    group by billing_month, source
),

lacking as (
    select
        coalesce(rates.billing_month, unpriced.billing_month) as billing_month,
        coalesce(rates.source, unpriced.source) as source,
        case
            when rates.is_missing_rate
                then 'exchange rate ' || rates.currencies || ' to ' || rates.currency || ' for ' || rates.billing_month
        end as missing_rate,
        unpriced.missing as unpriced,
        unpriced.row_count,
        unpriced.amount,
        rates.day_count,
        rates.newest_charge_date
    from rates
    full outer join unpriced
        on rates.billing_month = unpriced.billing_month and rates.source = unpriced.source
)

select
    lacking.billing_month,
    lacking.source,
    coalesce(lacking.missing_rate, closed.missing, lacking.unpriced) is null as is_complete,
    nullif(concat_ws('; ', lacking.missing_rate, closed.missing, lacking.unpriced), '') as missing,
    coalesce(lacking.row_count, 0) as missing_row_count,
    run.currency,
    case
        when coalesce(lacking.missing_rate, closed.missing) is null
            then {{ to_money('case when lacking.unpriced is null then 0 else lacking.amount end') }}
    end as missing_amount,
    coalesce(lacking.day_count, 0) as day_count,
    lacking.newest_charge_date
from lacking
left join closed
    on lacking.billing_month = closed.billing_month and lacking.source = closed.source
cross join run
