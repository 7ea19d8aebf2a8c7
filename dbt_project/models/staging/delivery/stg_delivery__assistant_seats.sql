{#-
  Seats of coding assistants by day and team, as a source counted them before they landed.
  Use by day has no seats and stays out.
-#}
select
    _source as source,
    {{ assistant_name('assistant') }} as assistant,
    cast(period_start as date) as read_on,
    {{ month_label('period_start') }} as billing_month,
    team_id,
    plan,
    assigned_seats,
    active_seats,
    coalesce(ending_seats, 0) as ending_seats
from {{ source('evidence', 'assistant_use') }}
where assigned_seats is not null
