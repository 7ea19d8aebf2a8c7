{#-
  Committed spend that was not used, by month, source and the platforms on its bill, with
  rows of zero where all of it was.
-#}
select
    billing_month,
    source,
    platform_id,
    currency,
    {{ to_money("sum(case when commitment_role = 'unused' then effective_cost else 0 end)") }} as unused_cost
from {{ ref('int_charge_amounts') }}
where component <> 'out_of_scope'
group by billing_month, source, platform_id, currency
