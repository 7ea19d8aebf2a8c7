{#-
  Answers by wave, item and group, and whether a group may be shown. Groups of too few
  are hidden; and where any is, so are the next smallest, until what is hidden are at
  least two groups and enough people together: else a total less what is visible would
  show it. Groups of which nobody answered have no cell: how many people they have is
  with the cells of their wave. Never published.
-#}
with answers as (
    select
        *,
        100 * (value - scale_min) as above_least,
        scale_max - scale_min as scale_width
    from {{ ref('stg_delivery__survey_responses') }}
    where value is not null
),

cells as (
    select
        wave_id,
        item_id,
        scale_min,
        scale_max,
        group_id,
        count(*) as n,
        sum({{ safe_ratio('above_least', 'scale_width') }}) as score_total,
        sum(
            case when value >= scale_max - case when scale_width < 3 then 0 else 1 end then 1 else 0 end
        ) as favourable_count,
        sum(case when value >= 9 then 1 else 0 end) as promoter_count,
        sum(case when value <= 6 then 1 else 0 end) as detractor_count,
        min(submitted_on) as first_answer_on,
        max(submitted_on) as last_answer_on
    from answers
    group by wave_id, item_id, scale_min, scale_max, group_id
),

invited as (
    select
        wave_id,
        group_id,
        max(invited_count) as invited_count
    from {{ ref('stg_delivery__survey_responses') }}
    where invited_count is not null
    group by wave_id, group_id
),

silent as (
    select
        invited.wave_id,
        sum(invited.invited_count) as silent_invited_count
    from invited
    left join answers on invited.wave_id = answers.wave_id and invited.group_id = answers.group_id
    where answers.group_id is null
    group by invited.wave_id
),

ordered as (
    select
        cells.*,
        invited.invited_count,
        coalesce(silent.silent_invited_count, 0) as silent_invited_count,
        rules.smallest_group,
        min(cells.n) over of_item as smallest_n,
        row_number() over by_size as place,
        coalesce(sum(cells.n) over before_it, 0) as smaller_n
    from cells
    cross join {{ source('control', 'delivery_rules') }} as rules
    left join invited on cells.wave_id = invited.wave_id and cells.group_id = invited.group_id
    left join silent on cells.wave_id = silent.wave_id
    window
        of_item as (partition by cells.wave_id, cells.item_id, cells.scale_min, cells.scale_max),
        by_size as (
            partition by cells.wave_id, cells.item_id, cells.scale_min, cells.scale_max
            order by cells.n, cells.group_id
        ),
        before_it as (
            partition by cells.wave_id, cells.item_id, cells.scale_min, cells.scale_max
            order by cells.n, cells.group_id
            rows between unbounded preceding and 1 preceding
        )
)

select
    *,
    smallest_n < smallest_group and (n < smallest_group or place <= 2 or smaller_n < smallest_group) as is_suppressed
from ordered
