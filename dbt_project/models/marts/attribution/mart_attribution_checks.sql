{#- What the checks of each study found. -#}
select
    study_id,
    check_order,
    check_name,
    status,
    statistic,
    threshold,
    why,
    picture
from {{ source('estimates', 'attribution_checks') }}
