{#-
  Every invoice against the ledger and every charge against an invoice, in the currency
  of the invoice. A side that is not there is NULL and never a match, whatever it sums
  to; a line that is known to be missing is named, and the invoice stays red until two
  people accept the difference.
-#}
with explained as (
    select
        *,
        {{ to_money(
            'explained_tax_amount + explained_credit_amount + explained_rounding_amount + explained_exchange_amount'
            ~ ' + explained_timing_amount + explained_missing_line_amount'
        ) }} as explained_amount
    from {{ ref('int_invoice_differences_explained') }}
),

judged as (
    select
        *,
        {{ to_money('difference_amount - explained_amount') }} as unexplained_amount,
        {{ to_money('difference_amount - explained_amount + explained_missing_line_amount') }} as untied_amount,
        abs(difference_amount - explained_amount + explained_missing_line_amount) <= tolerance_amount
        and (coalesce(line_basis, '') <> 'line_id' or largest_one_sided_amount <= tolerance_amount)
            as is_within_tolerance,
        invoiced_amount is not null
        or (match_kind <> 'none' and (explained_exchange_amount <> 0 or explained_timing_amount <> 0)) as has_invoice,
        billed_cost is not null
        or explained_exchange_amount <> 0
        or explained_timing_amount <> 0
        or coalesce(is_tax_or_credit_alone, false) as has_ledger
    from explained
),

stated as (
    select
        *,
        case
            when not has_invoice then 'no_invoice'
            when coalesce(draft_count, 0) > 0 then 'draft'
            when not has_ledger then 'no_ledger'
            when is_within_tolerance then 'reconciled'
            else 'not_reconciled'
        end as state_of_evidence
    from judged
),

accepted as (
    select
        stated.*,
        case
            when accepted.billing_month is not null and stated.state_of_evidence not in ('reconciled', 'draft')
                then 'accepted'
            else stated.state_of_evidence
        end as state,
        'Accepted by ' || accepted.accepted_by || ', approved by ' || accepted.approved_by || ', up to '
        || {{ amount_text('accepted.threshold_amount') }} || ' ' || accepted.currency || ': ' || accepted.reason
            as acceptance
    from stated
    left join {{ source('control', 'accepted_differences') }} as accepted
        on
            stated.billing_month = accepted.billing_month
            and stated.invoice_issuer_name = accepted.invoice_issuer_name
            and coalesce(stated.invoice_id, '') = accepted.invoice_id
            and stated.currency = accepted.currency
            and abs(stated.untied_amount) <= accepted.threshold_amount
)

select
    billing_month,
    invoice_issuer_name,
    invoice_id,
    source,
    currency,
    {{ to_money('invoiced_amount') }} as invoiced_amount,
    billed_cost as ledger_billed_cost,
    difference_amount,
    {{ to_money('explained_tax_amount') }} as explained_tax_amount,
    {{ to_money('explained_credit_amount') }} as explained_credit_amount,
    {{ to_money('explained_rounding_amount') }} as explained_rounding_amount,
    explained_exchange_amount,
    explained_timing_amount,
    explained_missing_line_amount,
    explained_amount,
    unexplained_amount,
    untied_amount as open_amount,
    {{ to_money('tolerance_amount') }} as tolerance_amount,
    state,
    case when state_of_evidence not in ('no_invoice', 'no_ledger') and match_kind <> 'none' then match_kind end
        as matched_by,
    cast(coalesce(line_count, 0) as bigint) as invoice_line_count,
    cast(coalesce(line_item_count, 0) as bigint) as ledger_row_count,
    invoiced_amount is not null and draft_count = 0 as is_final,
    missing_lines,
    case
        when state = 'accepted' then acceptance
        when state = 'no_invoice' and missing_rate is not null
            then 'The exchange rate ' || missing_rate || ' for ' || billing_month || ' is missing.'
        when state = 'no_invoice' and invoice_id is not null
            then 'Invoice ' || invoice_id || ' of ' || invoice_issuer_name || ' was never entered.'
        when state = 'no_invoice'
            then 'No invoice of ' || invoice_issuer_name || ' for ' || billing_month || ' was entered.'
        when state = 'no_ledger' and missing_rate is not null
            then 'The exchange rate ' || missing_rate || ' for ' || billing_month || ' is missing.'
        when state = 'no_ledger'
            then 'No bill has a charge for invoice ' || invoice_id || ' of ' || invoice_issuer_name || '.'
        when state = 'draft' then 'Invoice ' || invoice_id || ' is a draft.'
        when state = 'not_reconciled' and unexplained_amount <> 0
            then
                'Invoice and bill differ by ' || {{ amount_text('difference_amount') }} || ' '
                || currency || ', of which nothing explains '
                || {{ amount_text('unexplained_amount') }} || '.'
        when state = 'not_reconciled' then 'Lines stand on one side only.'
        when invoiced_amount is null and explained_timing_amount <> 0
            then 'Invoiced with ' || invoiced_month || '.'
        when invoiced_amount is null then 'Invoiced in another currency.'
    end as reason
from accepted
