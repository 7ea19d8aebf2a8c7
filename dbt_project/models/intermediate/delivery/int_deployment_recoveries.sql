{#-
  When rollouts to production that failed were over: with the next change or return of their
  service there, or with the next change of the same model by another service, on whatever
  platform, if that is earlier. A deployment of unknown outcome before it leaves it unknown.
-#}
with deployments as (
    select
        *,
        coalesce(ended_at, started_at, first_seen_at) as ordered_at
    from {{ ref('int_deployments_classified') }}
    where environment_kind = 'production' and same_as_deployment_key is null
),

elsewhere as (
    select
        failed.event_key,
        min(case when others.changes_production then others.ended_at end) as changed_at,
        min(case when others.outcome = 'unknown' then others.ordered_at end) as unknown_at
    from deployments as failed
    inner join deployments as others
        on
            failed.model_id = others.model_id
            and failed.deployed_unit <> others.deployed_unit
            and failed.ended_at < others.ordered_at
    where failed.outcome = 'failure'
    group by failed.event_key
),

earliest as (
    select
        failed.event_key,
        least(
            coalesce(failed.next_change_at, elsewhere.changed_at),
            coalesce(elsewhere.changed_at, failed.next_change_at)
        ) as recovered_at,
        least(
            coalesce(failed.next_unknown_at, elsewhere.unknown_at),
            coalesce(elsewhere.unknown_at, failed.next_unknown_at)
        ) as unknown_at
    from deployments as failed
    left join elsewhere on failed.event_key = elsewhere.event_key
    where failed.outcome = 'failure'
)

select
    event_key,
    recovered_at,
    coalesce(unknown_at <= coalesce(recovered_at, unknown_at), false) as is_unknown
from earliest
