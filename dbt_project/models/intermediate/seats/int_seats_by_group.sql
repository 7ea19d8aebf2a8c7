{#-
  Seat days of a month by source, assistant and group. Teams of too few seats are one group;
  where any is, so are the next smallest, until at least two groups and enough seats are
  together: else a total less what is visible would show it. Never published.
-#}
-- A team may have seats of several plans on a day.
with days as (
    select
        billing_month,
        source,
        assistant,
        read_on,
        team_id,
        sum(assigned_seats) as assigned_seats,
        sum(active_seats) as active_seats,
        sum(ending_seats) as ending_seats,
        count(active_seats) = count(*) as is_use_known
    from {{ ref('stg_delivery__assistant_seats') }}
    group by billing_month, source, assistant, read_on, team_id
),

readings as (
    select
        billing_month,
        source,
        assistant,
        {{ distinct_texts('plan') }} as plans,
        count(distinct plan) as plan_count,
        count(distinct read_on) as read_day_count,
        max(read_on) as last_read_on
    from {{ ref('stg_delivery__assistant_seats') }}
    group by billing_month, source, assistant
),

teams as (
    select
        days.billing_month,
        days.source,
        days.assistant,
        days.team_id,
        min(days.assigned_seats) as least_seats,
        sum(days.assigned_seats) as seat_days,
        case when min(case when days.is_use_known then 1 else 0 end) = 1 then sum(days.active_seats) end
            as active_seat_days,
        sum(case when days.read_on = readings.last_read_on then days.ending_seats else 0 end) as ending_seats
    from days
    inner join readings
        on
            days.billing_month = readings.billing_month
            and days.source = readings.source
            and days.assistant = readings.assistant
    group by days.billing_month, days.source, days.assistant, days.team_id
),

ordered as (
    select
        teams.*,
        rules.smallest_group,
        min(teams.least_seats) over (partition by teams.billing_month, teams.source, teams.assistant) as smallest_seats,
        row_number() over by_size as place,
        coalesce(sum(teams.least_seats) over before_it, 0) as smaller_seats
    from teams
    cross join {{ source('control', 'delivery_rules') }} as rules
    window
        by_size as (
            partition by teams.billing_month, teams.source, teams.assistant
            order by teams.least_seats, teams.team_id
        ),
        before_it as (
            partition by teams.billing_month, teams.source, teams.assistant
            order by teams.least_seats, teams.team_id
            rows between unbounded preceding and 1 preceding
        )
),

placed as (
    select
        *,
        smallest_seats < smallest_group
        and (least_seats < smallest_group or place <= 2 or smaller_seats < smallest_group) as is_joined
    from ordered
),

named as (
    select
        *,
        case when is_joined then 'small_teams' when team_id is null then 'no_team' else 'team' end as group_kind,
        case when not is_joined then team_id end as shown_team_id
    from placed
),

joined as (
    select
        billing_month,
        source,
        assistant,
        group_kind,
        shown_team_id as team_id,
        sum(least_seats) < max(smallest_group) as is_suppressed,
        max(smallest_group) as smallest_group,
        sum(seat_days) as seat_days,
        case when count(active_seat_days) = count(*) then sum(active_seat_days) end as active_seat_days,
        sum(ending_seats) as ending_seats
    from named
    group by billing_month, source, assistant, group_kind, shown_team_id
)

select
    joined.*,
    readings.plans,
    readings.plan_count,
    readings.read_day_count,
    readings.last_read_on
from joined
inner join readings
    on
        joined.billing_month = readings.billing_month
        and joined.source = readings.source
        and joined.assistant = readings.assistant
