{#-
  Which part of a cohort got there within so many days. Where everything was followed so
  long it is a plain share; else it counts an item for as long as it was seen.
-#}
select
    metric,
    scope_kind,
    scope_id,
    cohort_kind,
    cohort,
    horizon_days,
    item_count,
    event_count,
    followed_count,
    followed_count = item_count as is_mature,
    share as converted_ratio,
    share_low as converted_ratio_low,
    share_high as converted_ratio_high
from {{ source('estimates', 'delivery_conversions') }}
