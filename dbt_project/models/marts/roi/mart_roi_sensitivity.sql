{#- What moves a return most, and where each assumption breaks even. -#}
select
    sensitivity.scope_type,
    sensitivity.scope_id,
    sensitivity.driver,
    sensitivity.driver_order,
    sensitivity.kind,
    sensitivity.is_approved,
    sensitivity.unit,
    sensitivity.assumed,
    sensitivity.break_even,
    sensitivity.variance_share,
    sensitivity.measure,
    run.currency,
    sensitivity.measure_at_low,
    sensitivity.measure_at_high
from {{ source('estimates', 'roi_sensitivity') }} as sensitivity
cross join {{ ref('mart_run') }} as run
