{#-
  The ledger of closed months, line by line: what the books have of it, and what the
  current evidence and rules make of it. Only lines that differ. They sum to the
  difference of the two; money that moved between owners sums to zero. The books have
  what the month was closed with, and the adjustments that later months were closed
  with; these are all that they have of a month that was opened again.
-#}
{%- set owners = columns_of_adjusted_lines() -%}
{%- set out_of_scope = {
    'source': 'source', 'currency': 'currency', 'component': "'out_of_scope'", 'charge_date': 'cast(null as date)',
} -%}
{%- set nothing = 'cast(0 as decimal(28, 10))' -%}
{%- set lines = [
    (ref('int_daily_model_costs_live'), false, false),
    (ref('int_cost_waterfall_live'), true, false),
    (ref('stg_closed_months__daily_model_costs'), false, true),
    (ref('stg_closed_months__cost_waterfall'), true, true),
] -%}
with locks as (
    select * from {{ source('control', 'period_locks') }}
),

then_and_now as (
    {% for relation, is_waterfall, is_locked in lines -%}
    select
        billing_month,
        {% for column in owners -%}
        {{ out_of_scope.get(column, 'cast(null as string)') ~ ' as ' ~ column if is_waterfall else column }},
        {% endfor -%}
        {{ 'billed_cost' if is_locked else nothing }} as locked_billed_cost,
        {{ 'effective_cost' if is_locked else nothing }} as locked_effective_cost,
        {{ nothing if is_locked else 'billed_cost' }} as current_billed_cost,
        {{ nothing if is_locked else 'effective_cost' }} as current_effective_cost,
        false as is_booking
    from {{ relation }}
    where
        billing_month in (select locks.billing_month from locks)
        {{ "and step = 'out_of_scope'" if is_waterfall }}
    union all
    {% endfor %}
    select
        booked.locked_month as billing_month,
        {% for column in owners -%}
        booked.{{ column }},
        {% endfor -%}
        booked.billed_cost as locked_billed_cost,
        booked.effective_cost as locked_effective_cost,
        {{ nothing }} as current_billed_cost,
        {{ nothing }} as current_effective_cost,
        true as is_booking
    from {{ ref('stg_closed_months__period_adjustments') }} as booked
    where {{ is_booked_item('booked') }}
),

summed as (
    select
        billing_month,
        {{ owners | join(',\n        ') }},
        {{ to_money('sum(locked_billed_cost)') }} as locked_billed_cost,
        {{ to_money('sum(locked_effective_cost)') }} as locked_effective_cost,
        {{ to_money('sum(current_billed_cost)') }} as current_billed_cost,
        {{ to_money('sum(current_effective_cost)') }} as current_effective_cost,
        sum(case when is_booking then 0 else current_billed_cost - locked_billed_cost end) = 0
        and sum(case when is_booking then 0 else current_effective_cost - locked_effective_cost end) = 0
            as is_as_closed
    from then_and_now
    group by billing_month, {{ owners | join(', ') }}
)

select
    summed.*,
    locks.lock_id,
    {{ to_money('summed.current_billed_cost - summed.locked_billed_cost') }} as billed_cost,
    {{ to_money('summed.current_effective_cost - summed.locked_effective_cost') }} as effective_cost
from summed
left join locks on summed.billing_month = locks.billing_month
where
    summed.current_billed_cost <> summed.locked_billed_cost
    or summed.current_effective_cost <> summed.locked_effective_cost
