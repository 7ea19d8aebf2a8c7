{#-
  Which part of a cohort got there within so many days. Where everything was followed so
  long it is a plain share; else it counts an item for as long as it was seen. A cohort was
  observed since the youngest of its items began, whatever came of them.
-#}
select
    conversions.metric,
    conversions.scope_kind,
    conversions.scope_id,
    conversions.cohort_kind,
    conversions.cohort,
    conversions.horizon_days,
    conversions.item_count,
    conversions.event_count,
    conversions.followed_count,
    conversions.followed_count = conversions.item_count as is_mature,
    cast(
        floor({{ safe_ratio(seconds_between('conversions.last_started_at', 'moment.as_of'), '86400') }}) as int
    ) as observed_days,
    conversions.share as converted_ratio,
    conversions.share_low as converted_ratio_low,
    conversions.share_high as converted_ratio_high
from {{ source('estimates', 'delivery_conversions') }} as conversions
cross join {{ ref('int_reporting_moment') }} as moment
