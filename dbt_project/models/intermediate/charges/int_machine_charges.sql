{#-
  What bills charge in a month for each machine, and the pool that a rule sends it into:
  one cut of the sums of line items. A machine is told by the form of its id, or by what a
  FOCUS bill calls the resource.
-#}
select
    billing_month,
    machine_id,
    source,
    service_name,
    pool_id,
    billing_currency,
    billed_cost,
    effective_cost
from {{ ref('int_charges_summed') }}
where summed_by = 'machine'
