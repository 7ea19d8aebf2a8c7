{#-
  Answers to surveys, one per respondent, item and wave, however often it was sent; the
  last counts. The row that says how many of a group were asked has no value.
-#}
with source as (
    select
        *,
        row_number() over (
            partition by wave_id, item_id, scale_min, scale_max, respondent_hash
            order by submitted_on desc, group_id asc, value desc
        ) as recency
    from {{ source('evidence', 'survey_responses') }}
)

select
    wave_id,
    submitted_on,
    group_id,
    item_id,
    scale_min,
    scale_max,
    value,
    invited_count
from source
where recency = 1 or respondent_hash is null
