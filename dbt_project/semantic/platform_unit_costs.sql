select scorecard.*, cast(run.evidence_as_of as date) as counted_on
from {{ source('roi', 'mart_platform_scorecard') }} as scorecard
cross join {{ source('core', 'mart_run') }} as run
where scorecard.subject_kind = 'platform' and scorecard.metric like '%per_thousand_inferences'
