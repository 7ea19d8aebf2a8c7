{#-
  Satisfaction by wave, item and group, and over all groups. A suppressed cell is there
  and says nothing, not even how many answered. All that were asked are those of groups
  that nobody answered of, too.
-#}
with cells as (
    select * from {{ ref('int_survey_cells') }}
),

shown as (
    select
        wave_id,
        item_id,
        scale_min,
        scale_max,
        group_id,
        is_suppressed,
        n,
        invited_count,
        score_total,
        favourable_count,
        promoter_count,
        detractor_count
    from cells
    union all
    select
        wave_id,
        item_id,
        scale_min,
        scale_max,
        cast(null as string) as group_id,
        sum(n) < max(smallest_group) as is_suppressed,
        cast(sum(n) as bigint) as n,
        case
            when count(invited_count) = count(*)
                then cast(sum(invited_count) + max(silent_invited_count) as bigint)
        end as invited_count,
        sum(score_total) as score_total,
        cast(sum(favourable_count) as bigint) as favourable_count,
        cast(sum(promoter_count) as bigint) as promoter_count,
        cast(sum(detractor_count) as bigint) as detractor_count
    from cells
    group by wave_id, item_id, scale_min, scale_max
),

waves as (
    select
        wave_id,
        cast(min(first_answer_on) as date) as first_answer_on,
        cast(max(last_answer_on) as date) as last_answer_on
    from cells
    group by wave_id
),

known as (
    select
        wave_id,
        item_id,
        scale_min,
        scale_max,
        group_id,
        is_suppressed,
        case when not is_suppressed then n end as n,
        case when not is_suppressed then invited_count end as invited_count,
        case when not is_suppressed then score_total end as score_total,
        case when not is_suppressed then favourable_count end as favourable_count,
        case when scale_min = 0 and scale_max = 10 and not is_suppressed then promoter_count end as promoter_count,
        case when scale_min = 0 and scale_max = 10 and not is_suppressed then detractor_count end as detractor_count
    from shown
)

select
    known.wave_id,
    known.item_id,
    known.scale_min,
    known.scale_max,
    known.group_id,
    waves.first_answer_on,
    waves.last_answer_on,
    known.is_suppressed,
    known.n as respondent_count,
    known.invited_count,
    {{ safe_ratio('known.n', 'known.invited_count') }} as response_ratio,
    {{ safe_ratio('known.n', 'known.invited_count') }} < 0.3 as is_response_low,
    {{ safe_ratio('known.score_total', 'known.n') }} as score,
    {{ safe_ratio('known.favourable_count', 'known.n') }} as favourable_ratio,
    {{ net_promoter_score('known.promoter_count', 'known.detractor_count', 'known.n') }} as enps,
    {{ net_promoter_bound('known.promoter_count', 'known.detractor_count', 'known.n', '-1') }} as enps_low,
    {{ net_promoter_bound('known.promoter_count', 'known.detractor_count', 'known.n', '1') }} as enps_high,
    'self_report' as source_kind
from known
inner join waves on known.wave_id = waves.wave_id
