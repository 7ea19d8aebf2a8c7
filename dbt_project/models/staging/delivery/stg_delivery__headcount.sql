{#- How many people a team had in a period, and how many hours they had to work. -#}
with ranked as (
    select
        *,
        row_number() over (
            partition by team_id, period_start order by _load_id desc, headcount desc
        ) as recency
    from {{ source('evidence', 'headcount') }}
)

select
    team_id,
    period_start,
    headcount,
    cast(headcount as double) * cast(working_hours_per_head as double)
    - cast(coalesce(leave_hours, 0) as double) as available_hours
from ranked
where recency = 1
