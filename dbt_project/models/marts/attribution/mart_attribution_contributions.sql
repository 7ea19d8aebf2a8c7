{#- Parts of a change by what moved it. -#}
select
    study_id,
    factor_order,
    factor,
    kind,
    contribution,
    contribution_low_90,
    contribution_high_90,
    robustness_value,
    unit
from {{ source('estimates', 'attribution_contributions') }}
