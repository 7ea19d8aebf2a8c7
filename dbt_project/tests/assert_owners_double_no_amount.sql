{#-
  Purchases are divided among the users of a commitment, and no money is doubled or lost;
  resolving models, features and teams joins the catalogue, and no row is.
-#}
with ledger as (
    select
        sum(billed_cost) as billed_cost,
        sum(effective_cost) as effective_cost
    from {{ ref('int_charge_amounts') }}
),

before_join as (
    select count(*) as row_count
    from {{ ref('int_charge_amounts_by_use') }}
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
cross join ledger
where
    before_join.row_count <> after_join.row_count
    or ledger.billed_cost <> after_join.billed_cost
    or ledger.effective_cost <> after_join.effective_cost
