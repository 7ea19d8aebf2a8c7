{#-
  How long delivery takes, of items that began together, with those that are still open:
  the Kaplan-Meier median. Where a fifth or more is open, the plain median of what ended
  is no longer that of the cohort.
-#}
select
    metric,
    scope_kind,
    scope_id,
    cohort_kind,
    cohort,
    item_count,
    event_count,
    item_count - event_count as censored_count,
    {{ safe_ratio('item_count - event_count', 'item_count') }} as censored_ratio,
    (item_count - event_count) * 5 >= item_count as is_censoring_material,
    case
        when item_count < 5 then 'too few'
        when median_seconds is null then 'not reached'
        else 'reached'
    end as median_state,
    median_seconds,
    median_seconds_low,
    median_seconds_high,
    median_seconds_of_ended,
    longest_seconds
from {{ source('estimates', 'delivery_times_to_event') }}
