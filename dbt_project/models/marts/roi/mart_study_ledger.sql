{#-
  The ledger of studies: what was registered stays, with what became of it, what of it is
  counted, and what is left of it when all studies are looked at together.
-#}
select
    ledger.study_id,
    ledger.feature_id,
    ledger.outcome,
    studies.state,
    ledger.standing,
    ledger.grade,
    ledger.counted,
    ledger.counted_ratio,
    ledger.counted_from,
    run.currency,
    ledger.benefit,
    ledger.benefit_low_90,
    ledger.benefit_high_90,
    ledger.probability_positive,
    ledger.p_value,
    ledger.adjusted_p_value,
    ledger.is_found,
    studies.launch_date,
    studies.window_end,
    studies.as_of_date,
    studies.registered_at,
    studies.registered_by,
    studies.notes
from {{ source('estimates', 'roi_studies') }} as ledger
inner join {{ ref('mart_attribution_studies') }} as studies on ledger.study_id = studies.study_id
cross join {{ ref('mart_run') }} as run
