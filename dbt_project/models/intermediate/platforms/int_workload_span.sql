{#-
  The last three whole months that meters of models read, in UTC: what profiles of workloads
  are of. A month is whole where a reading reaches its end.
-#}
with newest as (
    select max(coalesce(usage_rows.period_end, usage_rows.period_start + interval '1' hour)) as read_until
    from {{ ref('int_model_usage') }} as usage_rows
    where usage_rows.model_id is not null
)

select
    {{ interval_start('month', 'least(newest.read_until, moment.as_of)') }} - interval '3' month as starts_at,
    {{ interval_start('month', 'least(newest.read_until, moment.as_of)') }} as ends_at
from {{ ref('int_reporting_moment') }} as moment
cross join newest
