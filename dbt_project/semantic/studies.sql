select estimates.*, cast(run.evidence_as_of as date) as counted_on
from {{ source('attribution', 'estimates') }} as estimates
cross join {{ source('core', 'mart_run') }} as run
