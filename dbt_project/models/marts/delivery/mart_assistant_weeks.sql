{#-
  Use of coding assistants by team and week. What fewer people did than may be shown has no
  counts, and so has every sum with such a team: else a total less what is visible would show it.
-#}
with shown as (
    select
        weeks.*,
        rules.smallest_group,
        weeks.active_people >= rules.smallest_group as is_shown
    from {{ ref('stg_delivery__assistant_weeks') }} as weeks
    cross join {{ source('control', 'delivery_rules') }} as rules
)

select
    shown.week_begin,
    {{ month_label('shown.week_begin') }} as month,
    shown.source,
    shown.assistant,
    shown.team_id,
    teams.cost_center,
    cast(shown.read_days as bigint) as read_day_count,
    {% for name in ['active_people', 'prompts', 'suggestions', 'acceptances', 'accepted_lines'] -%}
    cast(case when shown.is_shown then shown.{{ name }} end as bigint) as {{ name }},
    {% endfor -%}
    case
        when coalesce(not shown.is_shown, true)
            then 'fewer than ' || cast(shown.smallest_group as string) || ' people used it'
    end as reason
from shown
left join {{ source('control', 'catalog_teams') }} as teams on shown.team_id = teams.team_id
