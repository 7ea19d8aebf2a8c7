{#-
  What came to light about a closed month after it was closed, item by item, and the
  month that it is booked in. Items in the ledger of that month are in its figures
  already; the others are in no other mart. A month is closed with the items that are
  booked in it: they stay, and what differs from them later is an item of its own.
-#}
{%- set line = columns_of_adjusted_lines() -%}
{%- set key = ['locked_month', 'booked_month', 'lock_id', 'kind'] + line -%}
{%- set amounts = ['locked_billed_cost', 'locked_effective_cost', 'billed_cost', 'effective_cost'] -%}
{%- set of_any_source = 'partition by locked_month, booked_month, kind, ' ~ line[1:] | join(', ') -%}
{%- set of_one_booking = 'partition by locked_month, booked_month, source, currency, is_in_ledger_of_booked_month' -%}
with locks as (
    select * from {{ source('control', 'period_locks') }}
),

changes as (
    select * from {{ source('control', 'period_lock_changes') }}
),

open_months as (
    select {{ next_month('locks.billing_month') }} as billing_month
    from locks
    left join locks as following on {{ next_month('locks.billing_month') }} = following.billing_month
    where following.billing_month is null
),

bookings as (
    select
        locks.billing_month as locked_month,
        locks.lock_id,
        min(open_months.billing_month) as booked_month
    from locks
    inner join open_months on locks.billing_month < open_months.billing_month
    group by locks.billing_month, locks.lock_id
),

moved_currencies as (
    select
        locked.lock_id,
        min({{ currency_since_close('locked.currency', 'run.currency') }}) as explanation
    from {{ ref('stg_closed_months__cost_waterfall') }} as locked
    cross join {{ source('control', 'run') }} as run
    where locked.step = 'ledger' and locked.currency <> run.currency
    group by locked.lock_id
),

-- What has no exchange rate any more is in its own currency, and in the month's no longer.
compared as (
    select
        lines.*,
        run.currency as reporting_currency,
        min(
            case
                when
                    lines.currency <> run.currency
                    and (lines.current_billed_cost <> 0 or lines.current_effective_cost <> 0)
                    then lines.currency
            end
        ) over (partition by lines.billing_month, lines.source) as unconverted_currency
    from {{ ref('int_closed_months_compared') }} as lines
    cross join {{ source('control', 'run') }} as run
),

to_be_booked as (
    select
        compared.billing_month as locked_month,
        -- A month that was opened again is the first open one itself.
        coalesce(bookings.booked_month, compared.billing_month) as booked_month,
        compared.lock_id,
        case
            when compared.lock_id is null then 'reversal'
            when coalesce(moved_currencies.lock_id, compared.unconverted_currency) is not null then 'currency_change'
            when compared.is_as_closed then 'reversal'
            when restated.source is not null and compared.component = 'credit' then 'late_credit'
            when restated.source is not null then 'restated_export'
            when reconverted.source is not null then 'exchange_rate'
            else coalesce(changes.kind, 'rule_change')
        end as kind,
        {% for column in line + amounts -%}
        compared.{{ column }},
        {% endfor -%}
        false as is_in_ledger_of_booked_month,
        coalesce(
            moved_currencies.explanation,
            'The exchange rate of ' || compared.unconverted_currency || ' to ' || compared.reporting_currency || ' for '
            || compared.billing_month || ' is missing now.'
        ) as explanation
    from compared
    left join bookings on compared.lock_id = bookings.lock_id
    left join changes on compared.lock_id = changes.lock_id
    left join {{ ref('int_closed_months_restated') }} as restated
        on compared.billing_month = restated.billing_month and compared.source = restated.source
    left join moved_currencies on compared.lock_id = moved_currencies.lock_id
    left join {{ ref('int_closed_months_reconverted') }} as reconverted
        on compared.billing_month = reconverted.billing_month and compared.source = reconverted.source
),

booked as (
    select
        booked.locked_month,
        booked.booked_month,
        locks.lock_id,
        booked.kind,
        {% for column in line + amounts -%}
        booked.{{ column }},
        {% endfor -%}
        false as is_in_ledger_of_booked_month,
        booked.explanation
    from {{ ref('stg_closed_months__period_adjustments') }} as booked
    left join locks on booked.locked_month = locks.billing_month
    where {{ is_booked_item('booked') }}
),

on_later_bills as (
    select
        bookings.locked_month,
        costs.billing_month as booked_month,
        bookings.lock_id,
        case when costs.component = 'credit' then 'late_credit' else 'correction' end as kind,
        {% for column in line -%}
        costs.{{ column }},
        {% endfor -%}
        cast(0 as decimal(28, 10)) as locked_billed_cost,
        cast(0 as decimal(28, 10)) as locked_effective_cost,
        {{ to_money('sum(costs.billed_cost)') }} as billed_cost,
        {{ to_money('sum(costs.effective_cost)') }} as effective_cost,
        true as is_in_ledger_of_booked_month,
        cast(null as string) as explanation
    from {{ ref('fct_daily_model_costs') }} as costs
    inner join bookings on {{ month_label('costs.charge_date') }} = bookings.locked_month
    where costs.billing_month > bookings.locked_month and costs.component <> 'remainder'
    group by
        bookings.locked_month, costs.billing_month, bookings.lock_id, {{ 'costs.' ~ line | join(', costs.') }}
),

items as (
    select * from to_be_booked
    union all
    select * from booked
    union all
    select * from on_later_bills
),

netted as (
    select
        *,
        not is_in_ledger_of_booked_month
        and sum(billed_cost) over ({{ of_one_booking }}) = 0
        and sum(effective_cost) over ({{ of_one_booking }}) = 0 as nets_to_zero,
        sum(billed_cost) over ({{ of_any_source }}) = 0
        and sum(effective_cost) over ({{ of_any_source }}) = 0 as is_of_another_source
    from items
)

select
    {% for column in key -%}
    netted.{{ column }},
    {% endfor -%}
    netted.billed_cost,
    netted.effective_cost,
    netted.locked_billed_cost,
    netted.locked_effective_cost,
    {{ to_money('netted.locked_billed_cost + netted.billed_cost') }} as current_billed_cost,
    {{ to_money('netted.locked_effective_cost + netted.effective_cost') }} as current_effective_cost,
    netted.is_in_ledger_of_booked_month,
    netted.nets_to_zero,
    case
        when netted.explanation is not null then netted.explanation
        when netted.is_in_ledger_of_booked_month and netted.kind = 'late_credit'
            then 'A credit for a day of the closed month, on the bill of ' || netted.booked_month || '.'
        when netted.is_in_ledger_of_booked_month
            then 'A charge or correction for a day of the closed month, on the bill of ' || netted.booked_month || '.'
        when netted.kind = 'reversal' and netted.lock_id is not null
            then 'It is as the month was closed: what closed months have booked about it is taken back.'
        when netted.kind = 'reversal'
            then 'A later month was closed with it while this one was closed, which was opened again since.'
        when netted.kind = 'late_credit'
            then 'A credit on a bill of the closed month that was delivered again after the close.'
        when netted.kind = 'restated_export'
            then 'The bill of the closed month was delivered again after the close.'
        when netted.kind = 'exchange_rate'
            then 'An exchange rate of the closed month was changed after the close.'
        when netted.is_of_another_source
            then 'It is of another source now, as when one is renamed: the items of both add up to zero.'
        else
            coalesce(
                'Changed since the close: ' || changes.changed_inputs || '.',
                'Rules, catalogue or meters changed after the close, which kept no digests to tell which.'
            )
            || case when netted.nets_to_zero then ' Money moved between owners: these items add up to zero.' else '' end
    end as explanation,
    closed.billing_month is not null as is_booked
from netted
left join changes on netted.lock_id = changes.lock_id
left join locks as closed on netted.booked_month = closed.billing_month
