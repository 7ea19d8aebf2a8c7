{#- What counted features claim too much of one outcome, and the sum has less of. -#}
select
    claimed.outcome,
    claimed.feature_ids,
    claimed.study_ids,
    run.currency,
    claimed.overlap_benefit,
    claimed.overlap_benefit_low_90,
    claimed.overlap_benefit_high_90
from {{ source('estimates', 'roi_overlaps') }} as claimed
cross join {{ ref('mart_run') }} as run
