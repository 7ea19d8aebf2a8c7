{#-
  How wrong the method of each accrual was in earlier months of its issuer that have
  their final invoices, and the interval that four of five such errors stay in. The
  interval is tried out on the same months, each with the errors known before it.
-#}
{%- set target = ['issuer_key', 'currency', 'billing_month'] -%}
with invoiced as (
    {{ with_issuer_of_bills(ref('int_invoice_reconciliation_live')) }}
),

invoices as (
    select
        issuer_key,
        currency,
        billing_month,
        sum(invoiced_amount) as invoiced_amount
    from invoiced
    group by issuer_key, currency, billing_month
    -- An invoice of several months or in another currency says nothing of one month.
    having
        min(case when state in ('no_invoice', 'draft') then 0 else 1 end) = 1
        and max(abs(explained_timing_amount)) + max(abs(explained_exchange_amount)) = 0
),

errors as (
    select
        estimates.issuer_key,
        estimates.currency,
        estimates.billing_month,
        estimates.basis_month,
        {{ relative_error('abs(invoices.invoiced_amount - estimates.expected_amount)', 'estimates.expected_amount') }}
            as relative_error
    from {{ ref('int_accrual_estimates') }} as estimates
    inner join invoices
        on
            estimates.issuer_key = invoices.issuer_key
            and estimates.currency = invoices.currency
            and estimates.basis_month = invoices.billing_month
),

ranked as (
    select
        judged.issuer_key,
        judged.currency,
        judged.billing_month,
        judged.basis_month,
        earlier.relative_error,
        row_number() over (
            partition by judged.issuer_key, judged.currency, judged.billing_month, judged.basis_month
            order by earlier.relative_error asc, earlier.basis_month asc
        ) as error_rank,
        count(*) over (
            partition by judged.issuer_key, judged.currency, judged.billing_month, judged.basis_month
        ) as error_count
    from {{ ref('int_accrual_estimates') }} as judged
    inner join errors as earlier
        on
            judged.issuer_key = earlier.issuer_key
            and judged.currency = earlier.currency
            and judged.billing_month = earlier.billing_month
            and judged.basis_month > earlier.basis_month
    where earlier.relative_error is not null
),

intervals as (
    select
        ranked.*,
        ranked.relative_error as half_width
    from ranked
    where ranked.error_rank = {{ interval_rank('ranked.error_count') }}
),

tried as (
    select
        errors.issuer_key,
        errors.currency,
        errors.billing_month,
        count(*) as month_count,
        sum(errors.relative_error) as summed_error,
        count(intervals.half_width) as tried_month_count,
        count(case when errors.relative_error <= intervals.half_width then 1 end) as covered_month_count
    from errors
    left join intervals
        on
            errors.issuer_key = intervals.issuer_key
            and errors.currency = intervals.currency
            and errors.billing_month = intervals.billing_month
            and errors.basis_month = intervals.basis_month
    where errors.basis_month < errors.billing_month and errors.relative_error is not null
    group by errors.issuer_key, errors.currency, errors.billing_month
)

select
    {% for column in target -%}
    tried.{{ column }},
    {% endfor -%}
    tried.month_count,
    {{ safe_ratio('tried.summed_error', 'tried.month_count') }} as mean_error_ratio,
    intervals.half_width as half_width_ratio,
    tried.tried_month_count,
    tried.covered_month_count
from tried
left join intervals
    on
        tried.issuer_key = intervals.issuer_key
        and tried.currency = intervals.currency
        and tried.billing_month = intervals.billing_month
        and tried.billing_month = intervals.basis_month
