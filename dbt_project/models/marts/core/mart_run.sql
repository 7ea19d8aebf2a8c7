select
    run.run_id,
    run.organisation,
    run.currency,
    run.is_synthetic,
    run.materiality_ratio,
    run.started_at,
    (select max(loads.loaded_at) from {{ source('catalogue', 'loads') }} as loads) as evidence_as_of,
    run.triptych_version
from {{ source('control', 'run') }} as run
