{#-
  Seats of coding assistants by month and team, and what they cost. A month's charge for seats is
  split by the seat days that were read, so that teams sum to the bill; idle seats have their share
  of it. A bill without counted seats is one row without a team.
-#}
{%- set origin = ['billing_month', 'source', 'assistant', 'currency'] -%}
with counted as (
    select * from {{ ref('int_seats_by_group') }}
),

services as (
    select
        *,
        substr(service_name, 1, length(service_name) - {{ seats_ending() | length }}) as assistant
    from {{ ref('fct_daily_service_costs') }}
    where is_ai_cost and service_name like '%{{ seats_ending() }}'
),

billed as (
    select
        billing_month,
        source,
        assistant,
        currency,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from services
    group by billing_month, source, assistant, currency
),

joined as (
    select
        coalesce(counted.billing_month, billed.billing_month) as billing_month,
        coalesce(counted.source, billed.source) as source,
        coalesce(counted.assistant, billed.assistant) as assistant,
        coalesce(counted.group_kind, 'not_counted') as group_kind,
        counted.team_id,
        coalesce(billed.currency, run.currency) as currency,
        counted.plans,
        counted.read_day_count,
        counted.last_read_on,
        counted.seat_days,
        case when not counted.is_suppressed then counted.active_seat_days end as active_seat_days,
        counted.ending_seats,
        case
            when counted.source is null then 'no seats were counted in the month'
            when counted.is_suppressed
                then 'fewer than ' || cast(counted.smallest_group as string) || ' seats together'
            when counted.active_seat_days is null then 'the vendor does not say which seats were used'
        end as use_reason,
        case
            when billed.source is null then 'no bill of this source charges for seats in the month'
            when counted.plan_count > 1 then 'seats of several plans have several prices'
        end as cost_reason,
        case when coalesce(counted.plan_count, 0) <= 1 then billed.billed_cost end as billed_cost,
        case when coalesce(counted.plan_count, 0) <= 1 then billed.effective_cost end as effective_cost
    from counted
    full outer join billed
        on
            counted.billing_month = billed.billing_month
            and counted.source = billed.source
            and counted.assistant = billed.assistant
    cross join {{ source('control', 'run') }} as run
),

totals as (
    select
        *,
        sum(seat_days) over (partition by billing_month, source, assistant, currency) as all_seat_days,
        group_kind || coalesce(team_id, '') as group_id
    from joined
),

shared as (
    select
        *,
        coalesce({{ to_share('seat_days', 'all_seat_days') }}, cast(1 as decimal(15, 14))) as share,
        {{ to_share('seat_days - active_seat_days', 'seat_days') }} as idle_share
    from totals
),

split as (
    select
        *,
        {{ allocate_exactly('billed_cost', 'share', origin, 'group_id') }} as seat_billed_cost,
        {{ allocate_exactly('effective_cost', 'share', origin, 'group_id') }} as seat_effective_cost
    from shared
)

select
    split.billing_month,
    split.source,
    split.assistant,
    split.group_kind,
    split.team_id,
    teams.cost_center,
    split.plans,
    cast(split.read_day_count as bigint) as read_day_count,
    split.last_read_on,
    {{ safe_ratio('split.seat_days', 'split.read_day_count') }} as seats,
    {{ safe_ratio('split.active_seat_days', 'split.read_day_count') }} as active_seats,
    {{ safe_ratio('split.seat_days - split.active_seat_days', 'split.read_day_count') }} as idle_seats,
    cast(split.ending_seats as bigint) as ending_seats,
    split.use_reason,
    split.currency,
    {{ to_money('split.seat_billed_cost') }} as seat_billed_cost,
    {{ to_money('split.seat_effective_cost') }} as seat_effective_cost,
    {{ to_money(money_times_share('split.seat_billed_cost', 'split.idle_share')) }} as idle_billed_cost,
    {{ to_money(money_times_share('split.seat_effective_cost', 'split.idle_share')) }} as idle_effective_cost,
    split.cost_reason,
    coalesce(split.use_reason, split.cost_reason) as idle_reason
from split
left join {{ source('control', 'catalog_teams') }} as teams on split.team_id = teams.team_id
