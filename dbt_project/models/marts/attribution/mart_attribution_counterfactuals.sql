{#- Observed, counterfactual and effect of each study by period. -#}
select
    study_id,
    effect_date,
    is_post,
    observed,
    counterfactual,
    counterfactual_low_90,
    counterfactual_high_90,
    effect,
    effect_low_90,
    effect_high_90,
    cumulative_effect,
    cumulative_effect_low_90,
    cumulative_effect_high_90
from {{ source('estimates', 'attribution_counterfactuals') }}
