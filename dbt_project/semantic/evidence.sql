select evidence.*, cast(run.evidence_as_of as date) as counted_on
from {{ source('roi', 'mart_evidence_mix') }} as evidence
cross join {{ source('core', 'mart_run') }} as run
