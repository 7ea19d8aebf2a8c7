{#-
  A commit and the first deployment to production that contained it, per service: a
  successful one, or one of unknown outcome, with which it is unknown when the commit came
  into production. Who delivers commits says which deployment contains one, or which
  revision was deployed; else a commit is in the deployment of its own revision. Nothing is
  guessed from times.
-#}
with links as (
    select distinct
        source_system,
        lower(repository) as repository_name,
        repository,
        commit_sha,
        deployment_id,
        deployment_site,
        coalesce(deployed_sha, commit_sha) as deployed_sha,
        lower(service) as unit
    from {{ ref('stg_delivery__commits') }}
),

deployments as (
    select
        event_key,
        source_system,
        site,
        deployment_id,
        commit_sha,
        deployed_unit,
        coalesce(ended_at, started_at, first_seen_at) as ended_at,
        outcome = 'unknown' as is_outcome_unknown,
        lower(repository) as repository_name
    from {{ ref('int_deployments_classified') }}
    where
        changes_production
        or (environment_kind = 'production' and outcome = 'unknown' and same_as_deployment_key is null)
),

contained as (
    select
        links.repository,
        links.commit_sha,
        deployments.event_key,
        deployments.deployed_unit,
        deployments.is_outcome_unknown,
        deployments.ended_at
    from links
    inner join deployments
        on links.source_system = deployments.source_system and links.deployment_id = deployments.deployment_id
    where
        coalesce(deployments.repository_name, links.repository_name) = links.repository_name
        and {{ may_be_one_site('links.deployment_site', 'deployments.site') }}
    union all
    select
        links.repository,
        links.commit_sha,
        deployments.event_key,
        deployments.deployed_unit,
        deployments.is_outcome_unknown,
        deployments.ended_at
    from links
    inner join deployments on links.deployed_sha = deployments.commit_sha
    where
        coalesce(deployments.repository_name, links.repository_name) = links.repository_name
        and coalesce(links.unit, deployments.deployed_unit) = deployments.deployed_unit
),

ranked as (
    select
        *,
        row_number() over (
            partition by repository, commit_sha, deployed_unit
            order by ended_at, event_key
        ) as choice
    from contained
)

select
    repository,
    commit_sha,
    event_key,
    is_outcome_unknown
from ranked
where choice = 1
