{#-
  Iterations: what a feature takes again and again until a version of one of its models is
  good enough. The finished top-level runs of a model in the order in which they ended are
  cut after each run whose version came into production; a cycle has at least that run. A
  version of a run below another one counts for the run above. What follows the last such
  run is open. A model is worked on for itself: runs without one are cut by their feature.
  They are of the team that released them; what is open is of that of its newest run.
-#}
with runs as (
    select
        *,
        coalesce('model ' || model_id, 'feature ' || feature_id) as line_of_work
    from {{ ref('fct_training_runs') }}
    where status = 'finished' and is_top_level and ended_at is not null
),

-- A run may have made several versions: the first in production is its release.
releases as (
    select
        promotions.*,
        coalesce(parents.run_key, promotions.run_key) as top_run_key,
        row_number() over (
            partition by coalesce(parents.run_key, promotions.run_key, promotions.promotion_key)
            order by promotions.event_time, promotions.promotion_key
        ) as choice
    from {{ ref('fct_promotions') }} as promotions
    left join {{ ref('fct_training_runs') }} as made_by on promotions.run_key = made_by.run_key
    left join {{ ref('fct_training_runs') }} as parents
        on made_by.source_system = parents.source_system and made_by.parent_run_id = parents.run_id
    where promotions.is_first_in_production
),

placed as (
    select
        runs.*,
        releases.promotion_key,
        releases.event_time as released_at,
        releases.exclusion_reason,
        coalesce(releases.feature_id, runs.feature_id) as feature_id_then,
        coalesce(releases.team_id, runs.team_id) as team_id_then,
        coalesce(sum(case when releases.promotion_key is not null then 1 else 0 end) over (
            partition by runs.line_of_work order by runs.ended_at, runs.run_key
            rows between unbounded preceding and 1 preceding
        ), 0) as cycle
    from runs
    left join releases on runs.run_key = releases.top_run_key and releases.choice = 1
    where runs.line_of_work is not null
),

told as (
    select
        *,
        row_number() over (partition by line_of_work, cycle order by ended_at desc, run_key desc) as recency
    from placed
)

select
    coalesce(max(promotion_key), line_of_work || ' open') as release_key,
    max(model_id) as model_id,
    max(case when recency = 1 then feature_id_then end) as feature_id,
    max(case when recency = 1 then team_id_then end) as team_id,
    min(started_at) as first_run_at,
    max(released_at) as released_at,
    count(*) as iteration_count,
    max(exclusion_reason) as exclusion_reason
from told
group by line_of_work, cycle
union all
select
    releases.promotion_key as release_key,
    releases.model_id,
    releases.feature_id,
    releases.team_id,
    releases.run_ended_at as first_run_at,
    releases.event_time as released_at,
    cast(null as bigint) as iteration_count,
    coalesce(releases.exclusion_reason, 'run_unknown') as exclusion_reason
from releases
left join placed on releases.promotion_key = placed.promotion_key
where releases.choice = 1 and placed.promotion_key is null
