{#-
  Direct cost of each model and day, where a pool is divided by it, or evenly among the
  models that have some. Without such a pool there is no row: meters alone say who took
  what, and no bill makes the weights of all pools out of date.
-#}
{{ config(materialized='table') }}
select
    owned.model_id,
    owned.charge_date,
    -- All of it has a rate, so it is in the currency of the run.
    min(owned.currency) as currency,
    sum(owned.effective_cost) as effective_cost
from {{ ref('int_charges_owned') }} as owned
where
    owned.component = 'direct'
    and owned.model_id is not null
    and not owned.is_missing_rate
    and exists (
        select 1
        from {{ source('control', 'pools') }} as pools
        where pools.driver in ('direct_cost', 'even')
    )
group by owned.model_id, owned.charge_date
