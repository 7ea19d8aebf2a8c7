{#-
  Where each month stands: open, estimated, reconciled, locked, restated. Amounts are
  the whole ledger of the month, out of scope included: what it was closed with, and
  what the current evidence and rules make of it.
-#}
{%- set line = columns_of_adjusted_lines() -%}
{%- set is_comparable = 'ledgers.is_complete and coalesce(locked_ledgers.currency, run.currency) = run.currency' %}
with run as (
    select
        run.currency,
        coalesce(run.as_of, (
            select cast(max(amounts.charge_date) + interval '1' day as timestamp)
            from {{ ref('int_charge_amounts') }} as amounts
        ), run.started_on) as as_of
    from {{ source('control', 'run') }} as run
),

ledgers as (
    select
        live.billing_month,
        sum(case when live.currency = run.currency then live.billed_cost else 0 end) as billed_cost,
        sum(case when live.currency = run.currency then live.effective_cost else 0 end) as effective_cost,
        min(case when live.currency = run.currency then 1 else 0 end) = 1 as is_complete
    from {{ ref('int_cost_waterfall_live') }} as live
    cross join run
    where live.step = 'ledger'
    group by live.billing_month
),

locked_ledgers as (
    select
        locked.lock_id,
        min(locked.currency) as currency,
        sum(locked.billed_cost) as billed_cost,
        sum(locked.effective_cost) as effective_cost
    from {{ ref('stg_closed_months__cost_waterfall') }} as locked
    where locked.step = 'ledger'
    group by locked.lock_id
),

-- What was booked and reversed, both with closed months, leaves a line as it was closed.
adjusted_lines as (
    select
        locked_month,
        sum(case when is_in_ledger_of_booked_month then 0 else 1 end) as restated_item_count,
        sum(case when is_in_ledger_of_booked_month then 0 else billed_cost end) <> 0
        or sum(case when is_in_ledger_of_booked_month then 0 else effective_cost end) <> 0
        or min(case when is_booked or is_in_ledger_of_booked_month then 1 else 0 end) = 0 as is_restated,
        count(*) as item_count
    from {{ ref('mart_period_adjustments') }}
    group by locked_month, {{ line | join(', ') }}
),

adjustments as (
    select
        locked_month,
        sum(case when is_restated then restated_item_count else 0 end) as restated_item_count,
        sum(item_count) as item_count
    from adjusted_lines
    group by locked_month
),

reconciliations as (
    select
        billing_month,
        min(case when is_reconciled then 1 else 0 end) = 1 as is_reconciled,
        {{ distinct_texts("case when not is_reconciled then source || ': ' || reason end") }} as reason
    from {{ ref('mart_period_reconciliation') }}
    group by billing_month
),

open_items as (
    select
        billing_month,
        count(*) as open_item_count,
        max(age_days) as oldest_open_item_days
    from {{ ref('mart_open_items') }}
    where is_about_closed_month and not is_settled
    group by billing_month
),

months as (
    select billing_month from ledgers
    union
    select billing_month from {{ source('control', 'period_locks') }}
    union
    select billing_month from reconciliations
),

judged as (
    select
        months.billing_month,
        run.currency as reporting_currency,
        coalesce(locked_ledgers.currency, run.currency) as currency,
        locks.lock_id,
        locks.locked_at,
        locks.locked_by,
        locks.approved_by,
        locks.content_hash,
        locked_ledgers.billed_cost as locked_billed_cost,
        locked_ledgers.effective_cost as locked_effective_cost,
        case when {{ is_comparable }} then ledgers.billed_cost end as current_billed_cost,
        case when {{ is_comparable }} then ledgers.effective_cost end as current_effective_cost,
        coalesce(adjustments.restated_item_count, 0) as restated_item_count,
        coalesce(adjustments.item_count, 0) as item_count,
        coalesce(open_items.open_item_count, 0) as open_item_count,
        open_items.oldest_open_item_days,
        coalesce(ledgers.is_complete, false) as is_complete,
        coalesce(reconciliations.is_reconciled, false) as is_reconciled,
        coalesce(reconciliations.reason, 'No invoice for this month yet.') as reconciliation_reason,
        cast({{ next_month('months.billing_month') }} || '-01' as timestamp) <= run.as_of as is_over
    from months
    cross join run
    left join ledgers on months.billing_month = ledgers.billing_month
    left join {{ source('control', 'period_locks') }} as locks on months.billing_month = locks.billing_month
    left join locked_ledgers on locks.lock_id = locked_ledgers.lock_id
    left join adjustments on months.billing_month = adjustments.locked_month
    left join open_items on months.billing_month = open_items.billing_month
    left join reconciliations on months.billing_month = reconciliations.billing_month
),

stated as (
    select
        *,
        case
            when lock_id is not null and restated_item_count > 0 then 'restated'
            when lock_id is not null then 'locked'
            when not is_over or not is_complete then 'open'
            when is_reconciled then 'reconciled'
            else 'estimated'
        end as state
    from judged
)

select
    billing_month,
    state,
    case state when 'open' then 'to_date' when 'estimated' then 'accrual' else 'actual' end as basis,
    case
        when state = 'restated' and currency <> reporting_currency
            then {{ currency_since_close('currency', 'reporting_currency') }}
        when open_item_count > 0 and state in ('restated', 'locked')
            then 'Open since the close: ' || cast(open_item_count as string) || '.'
        when state = 'restated'
            then 'Items that changed after it was closed: ' || cast(restated_item_count as string) || '.'
        when state = 'locked' then 'Closed by ' || locked_by || ', approved by ' || approved_by || '.'
        when not is_over then 'The month is not over.'
        when not is_complete then 'An exchange rate is missing, or there are no charges.'
        when state = 'estimated' then reconciliation_reason
    end as reason,
    currency,
    {{ to_money('locked_billed_cost') }} as locked_billed_cost,
    {{ to_money('locked_effective_cost') }} as locked_effective_cost,
    {{ to_money('current_billed_cost') }} as current_billed_cost,
    {{ to_money('current_effective_cost') }} as current_effective_cost,
    {{ to_money('current_billed_cost - locked_billed_cost') }} as difference_billed_cost,
    {{ to_money('current_effective_cost - locked_effective_cost') }} as difference_effective_cost,
    cast(item_count as bigint) as adjustment_count,
    cast(open_item_count as bigint) as open_item_count,
    oldest_open_item_days,
    lock_id,
    locked_at,
    locked_by,
    approved_by,
    content_hash
from stated
