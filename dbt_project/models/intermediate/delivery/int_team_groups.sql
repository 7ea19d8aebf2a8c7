{#-
  How many people the hours of a team are of, by month, and whether they may be shown. Evidence
  names nobody who booked, so a group is a team with its last headcount; of unknown size it is
  small, as hours of no team are. The organisation's infra hours are published, too: where a
  team is small so is hidden the next smallest, until what is hidden is at least two teams and
  enough people, else the total less the others would show it. Never published.
-#}
with heads as (
    select
        team_id,
        {{ month_label('period_start') }} as month,
        min(headcount) as people
    from {{ ref('stg_delivery__headcount') }}
    group by team_id, {{ month_label('period_start') }}
),

worked as (
    select
        team_id,
        month,
        {{ sum_in_order('infra_hours') }} > 0 as has_infra_hours
    from {{ ref('int_worked_days') }}
    group by team_id, month
),

engaged as (
    select distinct
        incidents.team_id,
        {{ local_month('incidents.impact_started_at') }} as month
    from {{ ref('int_incidents_folded') }} as incidents
    cross join {{ source('control', 'delivery_rules') }} as rules
),

seen as (
    {% for known in ['heads', 'worked', 'engaged'] -%}
    select
        team_id,
        month
    from {{ known }}
    {{ 'union' if not loop.last }}
    {% endfor %}
),

teams as (
    select distinct team_id from seen
),

months as (
    select distinct month from seen
),

-- The newest headcount counts until there is another.
sized as (
    select
        teams.team_id,
        months.month,
        heads.people,
        row_number() over (partition by teams.team_id, months.month order by heads.month desc) as recency
    from teams
    cross join months
    left join heads on teams.team_id = heads.team_id and months.month >= heads.month
),

judged as (
    select
        sized.team_id,
        sized.month,
        sized.people,
        rules.smallest_group,
        coalesce(sized.people < rules.smallest_group, true) as is_small,
        coalesce(worked.has_infra_hours, false) as has_infra_hours
    from sized
    cross join {{ source('control', 'delivery_rules') }} as rules
    left join worked
        on coalesce(sized.team_id, '') = coalesce(worked.team_id, '') and sized.month = worked.month
    where sized.recency = 1
),

ordered as (
    select
        *,
        max(case when is_small then 1 else 0 end) over of_month = 1 as has_small,
        row_number() over by_size as place,
        coalesce(sum(coalesce(people, 0)) over before_it, 0) as smaller_people
    from judged
    window
        of_month as (partition by month, has_infra_hours),
        by_size as (
            partition by month, has_infra_hours
            order by case when is_small then 0 else 1 end, coalesce(people, 0), team_id
        ),
        before_it as (
            partition by month, has_infra_hours
            order by case when is_small then 0 else 1 end, coalesce(people, 0), team_id
            rows between unbounded preceding and 1 preceding
        )
),

hidden as (
    select
        *,
        is_small
        or (has_infra_hours and has_small and (place <= 2 or smaller_people < smallest_group)) as is_suppressed
    from ordered
),

totals as (
    select
        month,
        count(*) < 2 or sum(coalesce(people, 0)) < max(smallest_group) as is_total_suppressed
    from hidden
    where has_infra_hours and is_suppressed
    group by month
)

select
    hidden.team_id,
    hidden.month,
    hidden.people,
    hidden.is_small,
    hidden.is_suppressed,
    coalesce(totals.is_total_suppressed, false) as is_total_suppressed,
    {{ group_reason('hidden') }} as reason,
    {{ group_way_out('hidden') }} as way_out
from hidden
left join totals on hidden.month = totals.month
