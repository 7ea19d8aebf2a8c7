{#-
  Deployments to production by month and by the platform that serves their model on that
  day: those that count as one, and those of unknown outcome, each of which may be one more.
-#}
with placed as (
    select
        deployments.*,
        placements.platform_id
    from {{ ref('fct_deployments') }} as deployments
    inner join {{ source('control', 'platform_placements') }} as placements
        on
            deployments.model_id = placements.model_id
            and placements.stage = 'serving'
            and {{ is_valid_on('placements', 'deployments.deployed_on') }}
),

once as (
    {{ deployments_once('placed', ['platform_id']) }}
)

select
    platform_id,
    month,
    count(case when counts_as_deployment then 1 end) as deployment_count,
    count(case when not counts_as_deployment then 1 end) as unknown_count
from once
group by platform_id, month
