{#- What two counted features claim of one outcome, and the sum has less of. -#}
select
    claimed.outcome,
    claimed.first_feature_id,
    claimed.second_feature_id,
    run.currency,
    claimed.overlap_benefit,
    claimed.overlap_benefit_low_90,
    claimed.overlap_benefit_high_90
from {{ source('estimates', 'roi_overlaps') }} as claimed
cross join {{ ref('mart_run') }} as run
