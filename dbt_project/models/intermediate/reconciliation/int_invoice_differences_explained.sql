{#-
  The difference between an invoice and its ledger, taken apart step by step, each step
  by a fact: tax and credits on one side only, exchange, timing, named lines on one side
  only, rounding within the allowed gap. What no fact explains is unexplained.
-#}
with compared as (
    select
        *,
        {{ to_money('coalesce(invoiced_amount, 0) - coalesce(billed_cost, 0)') }} as difference_amount,
        invoiced_amount = coalesce(tax_amount, 0) + coalesce(credit_amount, 0)
        and (tax_amount is not null or credit_amount is not null) as is_tax_or_credit_alone,
        {{ rounding_gap('currency', 'coalesce(line_item_count, 0)') }} as gap_amount,
        {{ reconciliation_tolerance('coalesce(invoiced_amount, 0)') }} as tolerance_amount
    from {{ ref('int_invoices_compared') }}
),

-- Usage that a bill has in the month after it: what an invoice by month of usage has earlier.
later_usage as (
    select
        issuer_key,
        currency,
        {{ month_label("cast(billing_month || '-01' as date) - interval '1' month") }} as billing_month,
        sum(earlier_usage_billed_cost) as billed_cost
    from compared
    where match_kind = 'issuer_month'
    group by issuer_key, currency, billing_month
),

without_tax_and_credit as (
    select
        compared.*,
        {% for part in ['tax', 'credit'] -%}
        case
            when
                compared.{{ part }}_amount is not null
                and compared.charged_count > 0
                and compared.{{ part }}_charge_count = 0
                -- What ties as it is has no side without it: a bill may have a credit note as a correction.
                and (
                    abs(compared.difference_amount) > compared.gap_amount
                    or abs(compared.{{ part }}_amount) <= compared.gap_amount
                )
                then compared.{{ part }}_amount
            when
                compared.{{ part }}_amount is not null
                and compared.is_tax_or_credit_alone
                and compared.billed_cost is null
                then compared.{{ part }}_amount
            when
                compared.invoiced_amount is not null
                and compared.{{ part }}_line_count = 0
                and abs(compared.difference_amount + compared.{{ part }}_billed_cost) < abs(compared.difference_amount)
                then -compared.{{ part }}_billed_cost
            else cast(0 as decimal(28, 10))
        end as explained_{{ part }}_amount,
        {% endfor -%}
        {{ to_money('coalesce(compared.exchanged_amount, 0)') }} as explained_exchange_amount,
        {{ to_money('coalesce(later_usage.billed_cost, 0) - coalesce(compared.earlier_usage_billed_cost, 0)') }}
            as shifted_usage_amount
    from compared
    left join later_usage
        on
            compared.match_kind = 'issuer_month'
            and compared.issuer_key = later_usage.issuer_key
            and compared.currency = later_usage.currency
            and compared.billing_month = later_usage.billing_month
),

before_timing as (
    select
        *,
        {{ to_money(
            'difference_amount - explained_tax_amount - explained_credit_amount - explained_exchange_amount'
            ~ ' - other_months_amount'
        ) }} as open_amount
    from without_tax_and_credit
),

timed as (
    select
        *,
        case
            when
                match_kind = 'issuer_month'
                and shifted_usage_amount <> 0
                and abs(open_amount) > gap_amount
                and abs(open_amount - shifted_usage_amount) <= gap_amount
                then shifted_usage_amount
            else cast(0 as decimal(28, 10))
        end as shifted_amount
    from before_timing
),

before_lines as (
    select
        *,
        {{ to_money('other_months_amount + shifted_amount') }} as explained_timing_amount,
        {{ to_money('open_amount - shifted_amount') }} as open_before_lines_amount
    from timed
),

sides as (
    select
        reconciliation_key,
        billing_month,
        currency,
        invoiced_amount is not null and billed_cost is not null as has_both_sides
    from before_lines
),

lines as (
    select
        paired.*,
        case
            when paired.invoiced_amount is not null and paired.ledger_billed_cost is not null then 'differs: '
            when paired.basis is null and sides.has_both_sides and paired.invoiced_amount is null then 'in the bill: '
            when paired.basis is null and sides.has_both_sides then 'on the invoice: '
            when paired.invoiced_amount is null then 'only in the bill: '
            else 'only on the invoice: '
        end
        || paired.line_label || ' '
        || case
            when paired.invoiced_amount is null then {{ amount_text('paired.ledger_billed_cost') }}
            when paired.ledger_billed_cost is null then {{ amount_text('paired.invoiced_amount') }}
            else
                {{ amount_text('paired.invoiced_amount') }} || ' invoiced and '
                || {{ amount_text('paired.ledger_billed_cost') }} || ' billed'
        end
        || ' ' || paired.currency as line_text,
        row_number() over (
            partition by paired.reconciliation_key, paired.billing_month, paired.currency
            order by abs(paired.difference_amount) desc, paired.line_key asc
        ) as line_rank
    from {{ ref('int_invoice_lines_paired') }} as paired
    inner join sides
        on
            paired.reconciliation_key = sides.reconciliation_key
            and paired.billing_month = sides.billing_month
            and paired.currency = sides.currency
    where
        abs(paired.difference_amount) >= {{ smallest_currency_unit('paired.currency') }}
        and (
            paired.invoiced_amount is null
            or paired.ledger_billed_cost is null
            or abs(paired.difference_amount) > {{ rounding_gap('paired.currency', 'paired.ledger_row_count') }}
        )
),

lines_by_name as (
    select
        lines.reconciliation_key,
        lines.billing_month,
        lines.currency,
        max(lines.basis) as basis,
        sum(
            case
                when lines.invoiced_amount is null or lines.ledger_billed_cost is null then lines.difference_amount
                else 0
            end
        ) as one_sided_amount,
        max(
            case
                when lines.invoiced_amount is null or lines.ledger_billed_cost is null then abs(lines.difference_amount)
                else cast(0 as decimal(28, 10))
            end
        ) as largest_one_sided_amount,
        nullif({{ distinct_texts('case when lines.line_rank <= 10 then lines.line_text end') }}, '') as line_texts
    from lines
    group by lines.reconciliation_key, lines.billing_month, lines.currency
),

-- Where no names agree, one line of exactly the open amount is that line.
lines_by_amount as (
    select
        before_lines.reconciliation_key,
        before_lines.billing_month,
        before_lines.currency,
        max(
            case
                when lines.invoiced_amount is null then 'only in the bill, by its amount: '
                else 'only on the invoice, by its amount: '
            end
            || lines.line_label || ' ' || {{ amount_text('abs(lines.difference_amount)') }} || ' ' || lines.currency
        ) as line_text
    from before_lines
    inner join lines
        on
            before_lines.reconciliation_key = lines.reconciliation_key
            and before_lines.billing_month = lines.billing_month
            and before_lines.currency = lines.currency
            and abs(before_lines.open_before_lines_amount - lines.difference_amount)
            < {{ smallest_currency_unit('before_lines.currency') }}
    where
        lines.basis is null
        and before_lines.invoiced_amount is not null
        and before_lines.billed_cost is not null
        and abs(before_lines.open_before_lines_amount) > before_lines.gap_amount
    group by before_lines.reconciliation_key, before_lines.billing_month, before_lines.currency
    having count(*) = 1
),

with_lines as (
    select
        before_lines.*,
        lines_by_name.basis as line_basis,
        coalesce(lines_by_name.largest_one_sided_amount, 0) as largest_one_sided_amount,
        case
            when before_lines.invoiced_amount is null or before_lines.billed_cost is null then lines_by_name.line_texts
            when lines_by_name.basis is not null then lines_by_name.line_texts
            when lines_by_amount.line_text is not null then lines_by_amount.line_text
            when abs(before_lines.open_before_lines_amount) > before_lines.gap_amount then lines_by_name.line_texts
        end as missing_lines,
        {{ to_money(
            'case'
            ~ ' when before_lines.invoiced_amount is null or before_lines.billed_cost is null then 0'
            ~ " when abs(before_lines.open_before_lines_amount) <= before_lines.gap_amount and coalesce(lines_by_name.basis, '') <> 'line_id' then 0"
            ~ ' when lines_by_amount.line_text is not null then before_lines.open_before_lines_amount'
            ~ ' when lines_by_name.basis is not null and abs(before_lines.open_before_lines_amount - lines_by_name.one_sided_amount)'
            ~ ' <= abs(before_lines.open_before_lines_amount) then lines_by_name.one_sided_amount'
            ~ ' else 0 end'
        ) }} as explained_missing_line_amount
    from before_lines
    left join lines_by_name
        on
            before_lines.reconciliation_key = lines_by_name.reconciliation_key
            and before_lines.billing_month = lines_by_name.billing_month
            and before_lines.currency = lines_by_name.currency
    left join lines_by_amount
        on
            before_lines.reconciliation_key = lines_by_amount.reconciliation_key
            and before_lines.billing_month = lines_by_amount.billing_month
            and before_lines.currency = lines_by_amount.currency
),

before_rounding as (
    select
        *,
        {{ to_money('open_before_lines_amount - explained_missing_line_amount') }} as open_after_lines_amount
    from with_lines
)

select
    *,
    case
        when
            invoiced_amount is not null
            and (billed_cost is not null or explained_exchange_amount <> 0)
            and abs(open_after_lines_amount) <= gap_amount
            then open_after_lines_amount
        else cast(0 as decimal(28, 10))
    end as explained_rounding_amount
from before_rounding
