{#-
  Documents that do not tie, and documents and charges that touch a closed month after its
  close, with what became of each. Charges are booked with an open month; a document is
  matched, awaited, accepted by two people, or open.
-#}
with locks as (
    select * from {{ source('control', 'period_locks') }}
),

moment as (
    select cast(as_of as date) as today from {{ ref('int_reporting_moment') }}
),

charges as (
    select
        items.locked_month as billing_month,
        items.booked_month,
        items.source,
        items.currency,
        items.kind = 'currency_change' as is_open,
        sum(items.billed_cost) as billed_cost,
        sum(items.effective_cost) as effective_cost,
        max(case when items.is_booked then 1 else 0 end) = 1 as is_booked,
        min(locks.locked_at) as locked_at
    from {{ ref('mart_period_adjustments') }} as items
    inner join locks on items.locked_month = locks.billing_month
    where not items.is_in_ledger_of_booked_month
    group by items.locked_month, items.booked_month, items.source, items.currency, items.kind = 'currency_change'
    having sum(items.billed_cost) <> 0 or sum(items.effective_cost) <> 0
),

all_items as (
    select
        documents.billing_month,
        documents.is_about_closed_month,
        'document' as kind,
        case
            when documents.state = 'reconciled' then 'matched'
            when documents.state = 'accepted' then 'accepted'
            when documents.state in ('no_invoice', 'draft') then 'expected'
            else 'open'
        end as state,
        documents.source,
        documents.invoice_issuer_name,
        documents.invoice_id,
        documents.currency,
        cast(null as string) as booked_month,
        documents.invoiced_amount,
        documents.ledger_billed_cost,
        documents.difference_amount,
        documents.open_amount,
        documents.open_since,
        coalesce(documents.reason, 'It changed after the close, and ties.') as reason
    from {{ ref('int_open_documents') }} as documents
    union all
    select
        charges.billing_month,
        true as is_about_closed_month,
        'charge' as kind,
        case when charges.is_open then 'open' else 'booked' end as state,
        charges.source,
        cast(null as string) as invoice_issuer_name,
        cast(null as string) as invoice_id,
        charges.currency,
        charges.booked_month,
        cast(null as decimal(28, 10)) as invoiced_amount,
        charges.billed_cost as ledger_billed_cost,
        cast(null as decimal(28, 10)) as difference_amount,
        case when charges.is_open then charges.billed_cost else 0 end as open_amount,
        cast(charges.locked_at as date) as open_since,
        case
            when charges.is_open then 'It has no exchange rate, or the month was closed in another currency.'
            else
                case when charges.is_booked then 'Booked' else 'To be booked' end
                || ' with ' || charges.booked_month || ', on its statements'
                || case
                    when charges.billed_cost = 0
                        then ': ' || {{ amount_text('charges.effective_cost') }} || ' of amortised cost alone.'
                    else '.'
                end
        end as reason
    from charges
)

select
    all_items.billing_month,
    all_items.is_about_closed_month,
    all_items.kind,
    all_items.state,
    all_items.state in ('matched', 'accepted', 'booked') as is_settled,
    all_items.source,
    all_items.invoice_issuer_name,
    all_items.invoice_id,
    all_items.currency,
    all_items.booked_month,
    {{ to_money('all_items.invoiced_amount') }} as invoiced_amount,
    {{ to_money('all_items.ledger_billed_cost') }} as ledger_billed_cost,
    {{ to_money('all_items.difference_amount') }} as difference_amount,
    {{ to_money("case when all_items.state in ('matched', 'booked') then 0 else all_items.open_amount end") }}
        as open_amount,
    all_items.open_since,
    cast(greatest({{ days_between('all_items.open_since', 'moment.today') }}, 0) as bigint) as age_days,
    all_items.reason
from all_items
cross join moment
