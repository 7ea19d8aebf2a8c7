{#-
  What each issuer's invoice of a month is expected to come to, what of it has no final
  invoice yet, what was booked for it, and the true-up that the invoice brought. Amounts
  are billed, in the currency of the invoice, and never converted.
-#}
with moment as (
    select
        as_of,
        {{ month_label("as_of - interval '1' month") }} as newest_month,
        {{ month_label("as_of - interval '2' month") }} as month_before
    from {{ ref('int_reporting_moment') }}
),

invoiced as (
    {{ with_issuer_of_bills(ref('mart_invoice_reconciliation')) }}
),

invoices as (
    select
        issuer_key,
        min(invoice_issuer_name) as invoice_issuer_name,
        {{ distinct_texts('source') }} as source,
        currency,
        billing_month,
        sum(case when is_final then invoiced_amount end) as invoiced_amount,
        min(case when state in ('no_invoice', 'draft') then 0 else 1 end) = 1 as is_invoiced
    from invoiced
    group by issuer_key, currency, billing_month
),

-- Whoever billed the month before and has delivered nothing since is expected to.
silent as (
    select
        issuer_key,
        currency,
        max(billing_month) as billing_month
    from invoices
    group by issuer_key, currency
),

expected as (
    select
        invoices.*,
        moment.as_of
    from invoices
    cross join moment
    union all
    select
        invoices.issuer_key,
        invoices.invoice_issuer_name,
        invoices.source,
        invoices.currency,
        moment.newest_month as billing_month,
        cast(null as decimal(38, 10)) as invoiced_amount,
        false as is_invoiced,
        moment.as_of
    from moment
    inner join silent on moment.month_before = silent.billing_month
    inner join invoices
        on
            silent.issuer_key = invoices.issuer_key
            and silent.currency = invoices.currency
            and silent.billing_month = invoices.billing_month
),

-- What was booked stays, also where its invoice names another issuer or currency.
months as (
    select
        expected.*,
        false as is_only_booked
    from expected
    union all
    select
        booked.issuer_key,
        booked.issuer_key as invoice_issuer_name,
        cast(null as string) as source,
        booked.currency,
        booked.billing_month,
        cast(null as decimal(38, 10)) as invoiced_amount,
        true as is_invoiced,
        moment.as_of,
        true as is_only_booked
    from {{ source('control', 'booked_accruals') }} as booked
    cross join moment
    left join expected
        on
            booked.billing_month = expected.billing_month
            and booked.issuer_key = expected.issuer_key
            and booked.currency = expected.currency
    where expected.issuer_key is null
),

joined as (
    select
        months.*,
        coalesce(estimates.source, months.source) as bills,
        estimates.is_settled_by_invoice,
        estimates.missing_day_count,
        estimates.tax_amount,
        estimates.delivered_amount,
        estimates.expected_amount,
        backtests.month_count,
        backtests.mean_error_ratio,
        backtests.tried_month_count,
        backtests.covered_month_count,
        {{ money_times_rate('abs(estimates.expected_amount)', 'backtests.half_width_ratio') }} as half_width_amount,
        {{ to_money('coalesce(months.invoiced_amount, 0)') }} as invoiced_so_far
    from months
    left join {{ ref('int_accrual_estimates') }} as estimates
        on
            months.issuer_key = estimates.issuer_key
            and months.currency = estimates.currency
            and months.billing_month = estimates.billing_month
            and months.billing_month = estimates.basis_month
    left join {{ ref('int_accrual_backtests') }} as backtests
        on
            months.issuer_key = backtests.issuer_key
            and months.currency = backtests.currency
            and months.billing_month = backtests.billing_month
)

select
    joined.billing_month,
    joined.issuer_key as invoice_issuer_id,
    joined.invoice_issuer_name,
    joined.bills as source,
    joined.currency,
    case when joined.is_invoiced then 'invoiced' else 'to_accrue' end as state,
    {{ month_end('joined.billing_month') }} <= joined.as_of as is_month_over,
    joined.as_of,
    'billed' as basis,
    case
        when joined.delivered_amount is not null and joined.is_settled_by_invoice then 'price_and_usage'
        when joined.delivered_amount is not null then 'bill'
    end
    || case when joined.missing_day_count > 0 then '_with_run_rate' else '' end as method,
    {{ days_of_month('joined.billing_month') }} as day_count,
    joined.missing_day_count,
    joined.delivered_amount,
    {{ to_money('joined.expected_amount - joined.delivered_amount') }} as run_rate_amount,
    joined.expected_amount,
    {{ to_money('joined.expected_amount - joined.half_width_amount') }} as expected_amount_low,
    {{ to_money('joined.expected_amount + joined.half_width_amount') }} as expected_amount_high,
    joined.tax_amount as delivered_tax_amount,
    {{ to_money('case when joined.is_invoiced then 0 else joined.expected_amount - joined.invoiced_so_far end') }}
        as accrual_amount,
    {{ to_money(
        'case when not joined.is_invoiced then joined.expected_amount - joined.half_width_amount - joined.invoiced_so_far end'
    ) }} as accrual_amount_low,
    {{ to_money(
        'case when not joined.is_invoiced then joined.expected_amount + joined.half_width_amount - joined.invoiced_so_far end'
    ) }} as accrual_amount_high,
    cast(0.8 as double) as interval_ratio,
    cast(coalesce(joined.month_count, 0) as bigint) as backtest_month_count,
    joined.mean_error_ratio as backtest_error_ratio,
    cast(coalesce(joined.tried_month_count, 0) as bigint) as interval_month_count,
    cast(coalesce(joined.covered_month_count, 0) as bigint) as covered_month_count,
    {{ safe_ratio('joined.covered_month_count', 'joined.tried_month_count') }} as coverage_ratio,
    case
        when joined.is_only_booked
            then 'Booked, and no bill or invoice of the month has this issuer and currency now.'
        when joined.missing_day_count is null then 'Nothing of the month was delivered.'
        when joined.delivered_amount is null then 'Usage that only an invoice settles has no price.'
        when joined.expected_amount is null
            then
                'Too few days were delivered for a run-rate: '
                || cast(joined.missing_day_count as string) || ' are missing.'
        when joined.half_width_amount is null
            then
                'No interval: '
                || cast(coalesce(joined.month_count, 0) as string)
                || ' earlier months have a final invoice, four are needed.'
    end as reason,
    {{ to_money('joined.invoiced_amount') }} as invoiced_amount,
    {{ to_money('case when joined.is_invoiced then joined.invoiced_amount - joined.expected_amount end') }}
        as error_amount,
    case
        when joined.is_invoiced then abs(joined.invoiced_amount - joined.expected_amount) <= joined.half_width_amount
    end as is_in_interval,
    booked.booked_amount,
    booked.booked_amount_low,
    booked.booked_amount_high,
    booked.booked_method,
    booked.booked_as_of,
    booked.invoiced_when_booked_amount,
    booked.booked_at,
    booked.booked_by,
    booked.approved_by,
    {{ to_money(
        'case when joined.is_invoiced then joined.invoiced_amount - booked.invoiced_when_booked_amount'
        ~ ' - booked.booked_amount end'
    ) }} as true_up_amount
from joined
left join {{ source('control', 'booked_accruals') }} as booked
    on
        joined.billing_month = booked.billing_month
        and joined.issuer_key = booked.issuer_key
        and joined.currency = booked.currency
