select
    deployed_unit, model_id, team_id, month, month as delivery_month, 1 as position, 'commit to merge' as stage,
    date_diff('second', committed_at, merged_at) / 3600.0 as stage_hours,
    cast(deployed_at as date) as deployed_on
from {{ source('delivery', 'fct_changes') }}
where lead_time_seconds is not null
union all
select
    deployed_unit, model_id, team_id, month, month, 2, 'merge to production',
    date_diff('second', merged_at, deployed_at) / 3600.0, cast(deployed_at as date)
from {{ source('delivery', 'fct_changes') }}
where lead_time_seconds is not null
union all
select
    deployed_unit, model_id, team_id, month, month, 3, 'commit to production',
    lead_time_seconds / 3600.0, cast(deployed_at as date)
from {{ source('delivery', 'fct_changes') }}
where lead_time_seconds is not null
