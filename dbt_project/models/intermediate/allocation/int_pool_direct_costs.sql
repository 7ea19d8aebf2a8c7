{#-
  Direct cost of each model and day, where a pool is divided by it or evenly among whoever
  has some. Where no pool is, there is no row: then meters alone say who took what, and no
  bill makes the weights of all pools out of date.
-#}
{{ config(materialized='table') }}
with asking as (
    select count(*) as pool_count
    from {{ source('control', 'pools') }}
    where driver in ('direct_cost', 'even')
)

select
    owned.model_id,
    owned.charge_date,
    -- All of it has a rate, so it is in the currency of the run.
    min(owned.currency) as currency,
    sum(owned.effective_cost) as effective_cost
from {{ ref('int_charges_owned') }} as owned
cross join asking
where
    asking.pool_count > 0
    and owned.component = 'direct'
    and owned.model_id is not null
    and not owned.is_missing_rate
group by owned.model_id, owned.charge_date
