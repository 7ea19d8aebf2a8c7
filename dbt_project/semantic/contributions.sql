select parts.*, cast(run.evidence_as_of as date) as counted_on
from {{ source('attribution', 'contributions') }} as parts
cross join {{ source('core', 'mart_run') }} as run
