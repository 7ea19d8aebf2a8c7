{#-
  What the method of an accrual says of a month, and what it would have said of each
  earlier month of the same bill with as many days missing at its end: what was
  delivered, with a run-rate for the missing days; of usage that only an invoice
  settles, usage at its prices with the fees of the month before.
-#}
with charges as (
    select
        *,
        charge_category = 'Credit' or is_earlier_usage as is_fixed
    from {{ ref('int_charges_to_reconcile') }}
),

sources as (
    select
        source,
        max(case when is_settled_by_invoice then 1 else 0 end) = 1 as is_settled_by_invoice
    from charges
    group by source
),

bases as (
    select
        issuer_key,
        min(invoice_issuer_name) as invoice_issuer_name,
        source,
        currency,
        billing_month,
        max(case when is_settled_by_invoice then 1 else 0 end) = 1 as is_settled_by_invoice,
        {{ to_money('sum(case when is_fixed then billed_cost else 0 end)') }} as fixed_amount,
        {{ to_money('sum(case when is_fixed then 0 else billed_cost end)') }} as billed_amount,
        {{ to_money("sum(case when charge_category = 'Purchase' then billed_cost else 0 end)") }} as fee_amount,
        {{ to_money("sum(case when charge_category = 'Tax' then billed_cost end)") }} as tax_amount,
        case
            when count(case when charge_category = 'Usage' and list_cost is null then 1 end) = 0
                then {{ to_money("sum(case when charge_category = 'Usage' then list_cost end)") }}
        end as priced_amount
    from charges
    group by issuer_key, source, currency, billing_month
),

expected as (
    select
        bases.*,
        case
            when bases.is_settled_by_invoice
                then
                    coalesce(lag(bases.fee_amount) over (
                        partition by bases.issuer_key, bases.source, bases.currency
                        order by bases.billing_month asc
                    ), 0)
            else bases.fixed_amount
        end as added_amount,
        case when bases.is_settled_by_invoice then bases.priced_amount else bases.billed_amount end as scaled_amount
    from bases
),

days as (
    select
        placed.source,
        placed.billing_currency as currency,
        placed.billing_month,
        placed.charge_date,
        cast(extract(day from placed.charge_date) as integer) as day_number,
        {{ to_money(
            'sum(case when sources.is_settled_by_invoice then placed.effective_cost else placed.billed_cost end)'
        ) }} as amount
    from {{ ref('int_daily_service_charges') }} as placed
    inner join sources on placed.source = sources.source
    where
        {{ is_ai_cost('placed.component') }}
        and {{ month_label('placed.charge_date') }} = placed.billing_month
    group by placed.source, placed.billing_currency, placed.billing_month, placed.charge_date
),

months as (
    select
        source,
        currency,
        billing_month,
        {{ days_of_month('billing_month') }} as day_count,
        max(day_number) as last_day_number,
        count(*) as charged_day_count,
        sum(amount) as delivered_amount
    from days
    group by source, currency, billing_month
),

paced as (
    select
        *,
        greatest(
            charged_day_count,
            coalesce(lag(charged_day_count) over (partition by source, currency order by billing_month asc), 0)
        ) >= {{ daily_bill_day_count() }} as is_daily
    from months
),

tails as (
    select
        *,
        case
            when is_daily and last_day_number < day_count then day_count - last_day_number + 1
            else 0
        end as missing_day_count
    from paced
),

-- For each month with missing days: its own known days and those of every earlier month.
masked as (
    select
        tails.source,
        tails.currency,
        tails.billing_month,
        past.billing_month as basis_month,
        tails.missing_day_count,
        past.day_count - tails.missing_day_count as known_day_count,
        past.delivered_amount
    from tails
    inner join tails as past
        on
            tails.source = past.source
            and tails.currency = past.currency
            and tails.billing_month >= past.billing_month
    where tails.missing_day_count > 0
),

completed as (
    select
        masked.source,
        masked.currency,
        masked.billing_month,
        masked.basis_month,
        masked.known_day_count,
        5 * {{ to_money('masked.delivered_amount') }} as delivered_parts,
        5 * {{ to_money('sum(case when days.day_number <= masked.known_day_count then days.amount else 0 end)') }}
        + cast(masked.missing_day_count as decimal(3, 0)) * {{ to_money(run_rate_of_five_days()) }} as whole_parts
    from masked
    inner join days
        on
            masked.source = days.source
            and masked.currency = days.currency
            and masked.basis_month = days.billing_month
    group by
        masked.source, masked.currency, masked.billing_month, masked.basis_month, masked.known_day_count,
        masked.delivered_amount, masked.missing_day_count
),

pairs as (
    select
        own.issuer_key,
        own.source,
        own.currency,
        own.billing_month,
        past.billing_month as basis_month,
        past.invoice_issuer_name,
        past.is_settled_by_invoice,
        past.tax_amount,
        coalesce(tails.missing_day_count, 0) as missing_day_count,
        {{ to_money('past.added_amount + past.scaled_amount') }} as delivered_amount,
        {{ to_money(
            'case when coalesce(tails.missing_day_count, 0) = 0 then past.added_amount + past.scaled_amount'
            ~ ' when completed.known_day_count >= ' ~ run_rate_known_day_count() ~ ' then past.added_amount + '
            ~ money_in_proportion('past.scaled_amount', 'completed.whole_parts', 'completed.delivered_parts')
            ~ ' end'
        ) }} as expected_amount
    from expected as own
    inner join expected as past
        on
            own.issuer_key = past.issuer_key
            and own.source = past.source
            and own.currency = past.currency
            and own.billing_month >= past.billing_month
    left join tails
        on own.source = tails.source and own.currency = tails.currency and own.billing_month = tails.billing_month
    left join completed
        on
            own.source = completed.source
            and own.currency = completed.currency
            and own.billing_month = completed.billing_month
            and past.billing_month = completed.basis_month
)

select
    issuer_key,
    currency,
    billing_month,
    basis_month,
    min(invoice_issuer_name) as invoice_issuer_name,
    {{ distinct_texts('source') }} as source,
    max(case when is_settled_by_invoice then 1 else 0 end) = 1 as is_settled_by_invoice,
    max(missing_day_count) as missing_day_count,
    {{ to_money('sum(tax_amount)') }} as tax_amount,
    case when count(*) = count(delivered_amount) then {{ to_money('sum(delivered_amount)') }} end as delivered_amount,
    case when count(*) = count(expected_amount) then {{ to_money('sum(expected_amount)') }} end as expected_amount
from pairs
group by issuer_key, currency, billing_month, basis_month
