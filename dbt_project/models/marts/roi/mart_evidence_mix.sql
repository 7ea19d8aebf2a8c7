{#- How strong the evidence is: money of the measured months by grade, counted and not counted. -#}
with evidence as (
    select * from {{ source('estimates', 'roi_evidence') }}
),

spent as (
    select
        features.grade,
        features.counted,
        case when count(features.cost) = count(*) then sum(features.cost) end as cost
    from {{ ref('mart_feature_roi') }} as features
    where features.window = 'to_date'
    group by features.grade, features.counted
)

select
    evidence.grade,
    evidence.counted,
    run.currency,
    evidence.feature_count,
    evidence.feature_ids,
    evidence.not_computable_feature_count,
    {{ to_money('spent.cost') }} as cost,
    evidence.benefit,
    evidence.benefit_low_90,
    evidence.benefit_high_90,
    evidence.other_cost,
    evidence.other_cost_low_90,
    evidence.other_cost_high_90,
    evidence.replaced_cost,
    evidence.replaced_cost_low_90,
    evidence.replaced_cost_high_90,
    evidence.net_value,
    evidence.net_value_low_90,
    evidence.net_value_high_90
from evidence
cross join {{ ref('mart_run') }} as run
left join spent on evidence.grade = spent.grade and evidence.counted = spent.counted
