{#-
  Deployments to production by month and by the platform that serves their model on that
  day: those that count as one, and those of unknown outcome, each of which may be one more.
-#}
select
    placements.platform_id,
    deployments.month,
    count(distinct case when deployments.counts_as_deployment then deployments.deployment_key end) as deployment_count,
    count(distinct case when deployments.exclusion_reason = 'unknown' then deployments.deployment_key end)
        as unknown_count
from {{ ref('fct_deployments') }} as deployments
inner join {{ source('control', 'platform_placements') }} as placements
    on
        deployments.model_id = placements.model_id
        and placements.stage = 'serving'
        and {{ is_valid_on('placements', 'deployments.deployed_on') }}
where deployments.counts_as_deployment or deployments.exclusion_reason = 'unknown'
group by placements.platform_id, deployments.month
