{#-
  The scorecard of platforms: what is counted, and how the bill of each platform grew with
  what it served. No score of all of it: criteria disagree, and weights are the reader's.
-#}
select
    measured.subject_kind,
    measured.subject_id,
    measured.subject_name,
    measured.criterion,
    measured.metric,
    measured.basis,
    measured.period,
    measured.unit,
    measured.currency,
    measured.metric_value,
    measured.interval_low,
    measured.interval_high,
    measured.interval_basis,
    measured.n_observed,
    measured.missing_ratio,
    measured.delivered_grain,
    measured.grade,
    measured.note,
    measured.reason,
    measured.way_out
from {{ ref('mart_platform_measurements') }} as measured
union all
-- A row without a platform is of all of them: month on month, where nothing but usage changed.
select
    case when slopes.platform_id is null then 'organisation' else 'platform' end as subject_kind,
    coalesce(slopes.platform_id, 'all') as subject_id,
    case when slopes.platform_id is null then 'All platforms' else platforms.platform_name end as subject_name,
    'operations' as criterion,
    'cost_elasticity' as metric,
    'all' as basis,
    'to_date' as period,
    'elasticity' as unit,
    run.currency,
    slopes.elasticity as metric_value,
    slopes.elasticity_low_90 as interval_low,
    slopes.elasticity_high_90 as interval_high,
    case when slopes.platform_id is null then 'pairs of months' else 'months' end as interval_basis,
    slopes.period_count as n_observed,
    {{ safe_ratio('slopes.unknown_period_count', 'slopes.period_count + slopes.unknown_period_count') }}
        as missing_ratio,
    cast(null as string) as delivered_grain,
    case when slopes.elasticity is null then 'X' else 'C' end as grade,
    slopes.scale as note,
    case when slopes.elasticity is null then 'not estimable: ' || slopes.reason end as reason,
    slopes.way_out
from {{ source('estimates', 'platform_elasticities') }} as slopes
left join {{ ref('dim_platforms') }} as platforms on slopes.platform_id = platforms.platform_id
cross join {{ ref('mart_run') }} as run
where slopes.platform_id is null or platforms.platform_id is not null
