{#- Resolving models, features and teams joins the catalogue: no row is doubled or lost. -#}
with before_join as (
    select
        count(*) as row_count,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('int_charge_amounts') }}
),

after_join as (
    select
        count(*) as row_count,
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('int_charges_owned') }}
)

select 'the sums differ' as problem
from before_join
cross join after_join
where
    before_join.row_count <> after_join.row_count
    or before_join.billed_cost <> after_join.billed_cost
    or before_join.effective_cost <> after_join.effective_cost
