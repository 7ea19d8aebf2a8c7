{#-
  The moment as of which a run judges what is old and what is over: now; for the sample
  company, which ends on a day of its own, the end of its newest charges.
-#}
select
    coalesce(
        max(run.as_of),
        (
            select cast(max(placed.charge_date) + interval '1' day as timestamp)
            from {{ ref('int_daily_service_charges') }} as placed
        ),
        max(run.started_on)
    ) as as_of,
    max(run.fiscal_year_start_month) as fiscal_year_start_month
from {{ source('control', 'run') }} as run
