{#- What each study says when one thing is chosen otherwise. -#}
select
    study_id,
    kind,
    variant_order,
    variant,
    is_declared,
    effect,
    effect_low_90,
    effect_high_90,
    refusal_code
from {{ source('estimates', 'attribution_sensitivity') }}
