{#-
  May finance sign this month of this bill? Every invoice must tie, both ways, and the
  bill must have been read since the month was over. What was never to be invoiced,
  such as a cluster that is only estimated, has no row. A closed month is red while
  something that came later is not settled.
-#}
with invoices as (
    select
        reconciliation.billing_month,
        {{ each_of("split(reconciliation.source, ', ')") }} as one_source,
        reconciliation.currency,
        reconciliation.invoiced_amount,
        reconciliation.unexplained_amount,
        reconciliation.is_final,
        reconciliation.state
    from {{ ref('mart_invoice_reconciliation') }} as reconciliation
    union all
    select
        items.billing_month,
        {{ each_of("split(items.source, ', ')") }} as one_source,
        items.currency,
        cast(null as decimal(28, 10)) as invoiced_amount,
        items.open_amount as unexplained_amount,
        false as is_final,
        'since_close' as state
    from {{ ref('mart_open_items') }} as items
    where items.is_about_closed_month and not items.is_settled
),

by_currency as (
    select
        billing_month,
        one_source as source,
        currency,
        sum(unexplained_amount) as unexplained_amount
    from invoices
    group by billing_month, one_source, currency
),

unexplained as (
    select
        by_currency.billing_month,
        by_currency.source,
        {{ distinct_texts(
            "by_currency.currency || ' ' || " ~ amount_text('by_currency.unexplained_amount')
        ) }} as unexplained_by_currency
    from by_currency
    group by by_currency.billing_month, by_currency.source
),

counted as (
    select
        billing_month,
        one_source as source,
        count(invoiced_amount) as invoice_count,
        count(case when is_final then 1 end) as final_invoice_count,
        count(case when state = 'reconciled' then 1 end) as reconciled_count,
        count(case when state = 'not_reconciled' then 1 end) as not_reconciled_count,
        count(case when state = 'no_invoice' then 1 end) as no_invoice_count,
        count(case when state = 'no_ledger' then 1 end) as no_ledger_count,
        count(case when state = 'draft' then 1 end) as draft_count,
        count(case when state = 'accepted' then 1 end) as accepted_count,
        count(case when state = 'since_close' then 1 end) as open_item_count,
        count(*) as row_count
    from invoices
    group by billing_month, one_source
),

freshness as (
    select
        source,
        max(last_loaded_at) as last_loaded_at,
        max(case when is_stale then 1 else 0 end) = 1 as is_stale
    from {{ ref('mart_source_freshness') }}
    where stream in ({{ bill_stream_names() }})
    group by source
),

judged as (
    select
        counted.*,
        unexplained.unexplained_by_currency,
        coalesce(
            freshness.is_stale
            and freshness.last_loaded_at < cast(counted.billing_month || '-01' as timestamp) + interval '1' month,
            false
        ) as is_stale
    from counted
    inner join unexplained
        on counted.billing_month = unexplained.billing_month and counted.source = unexplained.source
    left join freshness on counted.source = freshness.source
),

stated as (
    select
        *,
        case
            when not_reconciled_count + no_ledger_count + open_item_count > 0 or is_stale then 'not_reconciled'
            when no_invoice_count + draft_count > 0 then 'estimated'
            else 'reconciled'
        end as state
    from judged
)

select
    billing_month,
    source,
    state,
    state = 'reconciled' as is_reconciled,
    cast(invoice_count as bigint) as invoice_count,
    cast(final_invoice_count as bigint) as final_invoice_count,
    cast(reconciled_count as bigint) as reconciled_count,
    cast(not_reconciled_count as bigint) as not_reconciled_count,
    cast(no_invoice_count as bigint) as no_invoice_count,
    cast(no_ledger_count as bigint) as no_ledger_count,
    cast(draft_count as bigint) as draft_count,
    cast(accepted_count as bigint) as accepted_count,
    cast(open_item_count as bigint) as open_item_count,
    unexplained_by_currency,
    is_stale,
    case
        when open_item_count > 0
            then 'Open since the close: ' || cast(open_item_count as string) || ', ' || unexplained_by_currency || '.'
        when is_stale then 'The bill was last read before the month was over.'
        when not_reconciled_count > 0
            then cast(not_reconciled_count as string) || ' of ' || cast(row_count as string) || ' not tied.'
        when no_ledger_count > 0
            then
                cast(no_ledger_count as string)
                || ' of ' || cast(row_count as string) || ' without a charge in a bill.'
        when no_invoice_count > 0
            then cast(no_invoice_count as string) || ' of ' || cast(row_count as string) || ' without an invoice.'
        when draft_count > 0
            then cast(draft_count as string) || ' of ' || cast(row_count as string) || ' in draft.'
    end as reason
from stated
