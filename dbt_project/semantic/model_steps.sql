with charged as (
  select
    billing_month,
    source,
    currency,
    component as step,
    sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost,
    count(*) as row_count
  from {{ source('cost', 'fct_daily_model_costs') }}
  where model_id is not null
    and component in ('direct', 'shared', 'idle', 'unused_commitment', 'overhead')
  group by billing_month, source, currency, component
),

of_steps as (
  select * from charged
  union all
  select billing_month, source, currency, 'ledger', sum(billed_cost), sum(effective_cost), 0
  from charged
  group by billing_month, source, currency
)

select
  steps.*,
  cast(steps.billing_month || '-01' as date) as month_begin,
  coalesce(of_steps.billed_cost, 0) as charged_billed_cost,
  coalesce(of_steps.effective_cost, 0) as charged_effective_cost,
  steps.billed_cost - coalesce(of_steps.billed_cost, 0) as left_out_billed_cost,
  steps.effective_cost - coalesce(of_steps.effective_cost, 0) as left_out_effective_cost,
  coalesce(of_steps.row_count, 0) as row_count
from {{ source('cost', 'mart_cost_waterfall') }} as steps
left join of_steps
  on steps.billing_month = of_steps.billing_month
    and steps.source = of_steps.source
    and steps.currency = of_steps.currency
    and steps.step = of_steps.step
