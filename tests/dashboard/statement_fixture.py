"""What statements and FOCUS exports read besides, in the warehouse by hand."""

from __future__ import annotations

#: Runs after everything else; a column that is there already stays as it is.
ROWS = """
alter table cost.mart_period_states add column if not exists lock_id varchar;
alter table cost.mart_period_states add column if not exists locked_at timestamp;
alter table cost.mart_period_states add column if not exists locked_by varchar;
alter table cost.mart_period_states add column if not exists approved_by varchar;
alter table cost.mart_period_states add column if not exists content_hash varchar;
create table cost.mart_focus_allocated as
select
  billing_month, charge_date, source, provider, platform_id, model_id, feature_id,
  team_id, cost_center, lifecycle_stage, component, assignment_method, pool_id,
  currency, is_estimated,
  case component when 'tax' then 'Tax' when 'credit' then 'Credit'
    when 'remainder' then 'Adjustment' else 'Usage' end as charge_category,
  component || ' cost of ' || coalesce(model_id, pool_id, source) as charge_description,
  coalesce(provider, source) as service_provider_name,
  coalesce(platform_id, source) as service_name,
  case when pool_id is not null then 'triptych:gpu_hours' end as allocated_method_id,
  case when pool_id is not null then cast(1 as decimal(15, 14)) end as allocated_ratio,
  case when pool_id is not null then
    '{"Elements":[{"AllocatedRatio":1.00000000000000,"UsageUnit":"gpu_hours"}]}' end
    as allocated_method_details,
  case when pool_id is not null then coalesce(model_id, component) end
    as allocated_resource_id,
  case when pool_id is not null then coalesce(model_id, component) end
    as allocated_resource_name,
  case when pool_id is not null then '{"model":"' || model_id || '"}' end
    as allocated_tags,
  '{"component":"' || component || '"}' as tags,
  billed_cost, effective_cost
from cost.fct_daily_model_costs;
"""
