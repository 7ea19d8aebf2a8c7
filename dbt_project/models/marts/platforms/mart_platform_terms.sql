{#-
  What a platform asks besides its bill: who runs it, the skills that takes, what is still
  committed to it, and what moving to it cost. A commitment is that of the platforms whose
  charges draw on it, else of the only platform of its bill. A move to several platforms
  cost once: it stands with the move (mart_platform_migration_costs) and with none of them.
-#}
with drawn as (
    select distinct
        lower(commitment_id) as commitment_key,
        source,
        platform_id
    from {{ ref('int_commitment_charges') }}
    where commitment_id is not null and commitment_role = 'used' and platform_id is not null
),

lone as (
    select
        source,
        min(platform_id) as only_platform_id
    from {{ ref('int_charge_amounts') }}
    where platform_id is not null
    group by source
    having count(distinct platform_id) = 1
),

commitments as (
    select
        coalesce(drawn.platform_id, lone.only_platform_id) as platform_id,
        standing.commitment_id,
        standing.currency,
        standing.remaining_amount,
        standing.ends_on
    from {{ ref('mart_commitment_burn_down') }} as standing
    left join drawn on lower(standing.commitment_id) = drawn.commitment_key and standing.source = drawn.source
    left join lone on standing.source = lone.source and drawn.platform_id is null
    where standing.is_newest and standing.state = 'running'
),

committed as (
    select
        commitments.platform_id,
        count(distinct commitments.commitment_id) as commitment_count,
        case
            when count(case when commitments.currency = run.currency then commitments.remaining_amount end) = count(*)
                then {{ to_money('sum(commitments.remaining_amount)') }}
        end as remaining_amount,
        max(commitments.ends_on) as last_commitment_ends_on,
        {{ distinct_texts('commitments.currency') }} as commitment_currencies
    from commitments
    cross join {{ source('control', 'run') }} as run
    where commitments.platform_id is not null
    group by commitments.platform_id
),

sides as (
    select
        *,
        count(*) over (partition by migration_id) as platform_count
    from {{ source('control', 'migration_platforms') }}
    where side = 'to'
),

moves as (
    select
        sides.platform_id,
        max(sides.platform_count) as platform_count,
        count(*) as move_count,
        {{ distinct_texts('costs.migration_name') }} as move_names,
        max(costs.integration_cost_amount) as integration_cost_amount,
        max(costs.integration_share_ratio) as integration_share_ratio,
        max(costs.integration_to_rest_ratio) as integration_to_rest_ratio,
        max(costs.month_count) as integration_month_count,
        max(costs.reason) as integration_reason
    from sides
    inner join {{ ref('mart_platform_migration_costs') }} as costs on sides.migration_id = costs.migration_id
    group by sides.platform_id
)

select
    platforms.platform_id,
    platforms.platform_name,
    platforms.platform_kind,
    declared.team_id,
    declared.required_skills,
    declared.required_skill_count,
    run.currency,
    cast(coalesce(committed.commitment_count, 0) as bigint) as commitment_count,
    committed.remaining_amount as remaining_commitment_amount,
    committed.last_commitment_ends_on,
    committed.commitment_currencies,
    moves.move_names,
    case
        when moves.move_count = 1 and moves.platform_count = 1 then moves.integration_cost_amount
    end as integration_cost_amount,
    case
        when moves.move_count = 1 and moves.platform_count = 1 then moves.integration_share_ratio
    end as integration_share_ratio,
    case
        when moves.move_count = 1 and moves.platform_count = 1 then moves.integration_to_rest_ratio
    end as integration_to_rest_ratio,
    cast(moves.integration_month_count as bigint) as integration_month_count,
    case
        when moves.platform_id is null then 'no migration of catalog.yml moves to it'
        when moves.move_count > 1 then 'several migrations move to it'
        when moves.platform_count > 1
            then 'its move went to ' || cast(moves.platform_count as string) || ' platforms and cost once: see the move'
        else moves.integration_reason
    end as integration_reason
from {{ ref('dim_platforms') }} as platforms
cross join {{ source('control', 'run') }} as run
left join {{ source('control', 'catalog_platforms') }} as declared on platforms.platform_id = declared.platform_id
left join committed on platforms.platform_id = committed.platform_id
left join moves on platforms.platform_id = moves.platform_id
