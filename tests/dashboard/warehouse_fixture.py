"""Published warehouses, written by hand, small enough to add up on paper.

``publish(root, variant)`` writes ``warehouse/published/<run_id>.duckdb`` and the
pointer. What the numbers of ``normal`` come to stands beside them in ``TRUTH``.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

import duckdb

from tests.dashboard import (
    assumptions_fixture,
    finance_fixture,
    impact_fixture,
    statement_fixture,
    velocity_fixture,
)

Variant = Literal[
    "normal", "empty", "stale", "partial", "missing_mart", "complete", "converted"
]

#: Sums of the normal warehouse for September 2026, effective cost, by hand.
TRUTH = {
    # eta-v2 900 + 200 + 300 + 60, vision-v1 500 + 100 + 40, chat-v1 250.50 + 49.50,
    # small models 10 + 9 + 8 + 7 + 6 + 5 + 4
    "fully_loaded": Decimal("2449"),
    "direct": Decimal("1949"),
    "direct_and_shared": Decimal("2349"),
    "prior_fully_loaded": Decimal("1979"),
    "eta_fully_loaded": Decimal("1460"),
    "eta_direct": Decimal("1100"),
    "idle_shown": Decimal("150"),
    # 2449 + 150 + 70 + 100 + 0.0000000001 + 190 - 60 + 400
    "ledger": Decimal("3299.0000000001"),
    "unallocated": Decimal("100"),
}

_SMALL = [(f"small-{n}", 14 - n) for n in range(4, 11)]

_Cost = tuple[str, str, str, str | None, str, str, str, str | None, str, str, bool, str]

_DDL = """
create schema core; create schema cost; create schema lineage;
create schema delivery;
create table core.mart_run (run_id varchar, organisation varchar, currency varchar,
  is_synthetic boolean, started_at timestamp, evidence_as_of timestamp,
  triptych_version varchar, materiality_ratio double);
create table core.dim_models (model_id varchar, model_name varchar, feature_id varchar,
  team_id varchar, cost_center varchar, valid_from date, valid_to date,
  is_declared boolean);
create table core.dim_features (feature_id varchar, feature_name varchar,
  team_id varchar);
create table core.dim_teams (team_id varchar, team_name varchar, cost_center varchar);
create table core.dim_platforms (platform_id varchar, platform_name varchar,
  platform_kind varchar);
create table core.dim_dates (date_day date, month varchar, year integer,
  quarter integer);
create table core.mart_source_freshness (source varchar, source_type varchar,
  stream varchar, newest_evidence_at timestamp, last_loaded_at timestamp,
  expected_lag_hours integer, is_stale boolean, load_count bigint, row_count bigint,
  quarantined_row_count bigint);
create table core.mart_loads (load_id varchar, source varchar, stream varchar,
  scope varchar, period varchar, status varchar, row_count bigint,
  quarantined_row_count bigint, loaded_at timestamp, label varchar);
create table core.mart_quarantine_reasons (source varchar, stream varchar,
  reason varchar, row_count bigint, first_seen_at timestamp, last_seen_at timestamp,
  example varchar);
create table core.mart_data_quality_issues (rule_id varchar, severity varchar,
  source varchar, billing_month varchar, row_count bigint,
  affected_billed_cost decimal(28,10), currency varchar, description varchar);
create table core.mart_month_completeness (billing_month varchar, source varchar,
  is_complete boolean, missing varchar, day_count bigint, newest_charge_date date,
  missing_row_count bigint, missing_amount decimal(28,10), currency varchar);
create table core.mart_refused_charges (billing_month varchar, source varchar,
  stream varchar, subject varchar, reason varchar, row_count bigint, currency varchar,
  amount decimal(28,10), amount_basis varchar, compared_row_count bigint);
create table cost.fct_daily_model_costs (charge_date date, billing_month varchar,
  source varchar, provider varchar, platform_id varchar, model_id varchar,
  feature_id varchar, team_id varchar, cost_center varchar, lifecycle_stage varchar,
  component varchar, assignment_method varchar, pool_id varchar, currency varchar,
  billed_cost decimal(28,10), effective_cost decimal(28,10), is_estimated boolean);
create table cost.fct_daily_pool_costs (charge_date date, billing_month varchar,
  source varchar, pool_id varchar, driver varchar, currency varchar,
  pool_billed_cost decimal(28,10), pool_effective_cost decimal(28,10),
  allocated_billed_cost decimal(28,10), allocated_effective_cost decimal(28,10),
  requested_idle_billed_cost decimal(28,10),
  requested_idle_effective_cost decimal(28,10),
  infrastructure_idle_billed_cost decimal(28,10),
  infrastructure_idle_effective_cost decimal(28,10),
  remainder_billed_cost decimal(28,10), remainder_effective_cost decimal(28,10));
create table cost.mart_cost_waterfall (billing_month varchar, source varchar,
  currency varchar, step varchar, step_order integer, billed_cost decimal(28,10),
  effective_cost decimal(28,10));
create table cost.mart_model_unit_costs (billing_month varchar, model_id varchar,
  currency varchar, direct_cost decimal(28,10), shared_cost decimal(28,10),
  idle_cost decimal(28,10), unused_commitment_cost decimal(28,10),
  overhead_cost decimal(28,10), fully_loaded_cost decimal(28,10),
  requests decimal(28,10), successful_requests decimal(28,10),
  input_tokens decimal(28,10), cached_input_tokens decimal(28,10),
  output_tokens decimal(28,10), gpu_hours decimal(28,10),
  input_token_cost decimal(28,10), cached_input_token_cost decimal(28,10),
  output_token_cost decimal(28,10), other_token_cost decimal(28,10),
  cost_per_thousand_requests double, cost_per_million_input_tokens double,
  cost_per_million_cached_input_tokens double, cost_per_million_output_tokens double,
  cost_per_million_tokens double, cache_hit_ratio double,
  cost_per_gpu_hour double, meter_coverage_ratio double);
create table cost.mart_unallocated_causes (billing_month varchar, source varchar,
  provider varchar, service_name varchar, resource_type varchar, currency varchar,
  billed_cost decimal(28,10), effective_cost decimal(28,10), row_count bigint,
  suggested_rule varchar);
create table cost.fct_daily_gateway_costs (charge_date date, billing_month varchar,
  provider varchar, gateway varchar, currency varchar, billed_cost decimal(28,10),
  tax_and_credit_cost decimal(28,10), gateway_spend_amount decimal(28,10),
  gap_amount decimal(28,10), provider_tokens decimal(28,10),
  gateway_tokens decimal(28,10), mapped_tokens decimal(28,10),
  gateway_requests decimal(28,10));
create table cost.mart_gateway_gaps (billing_month varchar, provider varchar,
  gateway varchar, currency varchar, billed_cost decimal(28,10),
  tax_and_credit_cost decimal(28,10), gateway_spend_amount decimal(28,10),
  gap_amount decimal(28,10), gateway_ratio double, gap_ratio double,
  gateway_requests decimal(28,10), provider_tokens decimal(28,10),
  gateway_tokens decimal(28,10), gateway_token_ratio double,
  mapped_token_ratio double, billed_day_count bigint, day_coverage_ratio double);
create table cost.mart_meter_gaps (billing_month varchar, source varchar,
  pool_id varchar, driver varchar, reason varchar, currency varchar,
  billed_cost decimal(28,10), effective_cost decimal(28,10), interval_count bigint,
  first_charge_date date, last_charge_date date, explanation varchar);
create table cost.mart_metered_nodes (billing_month varchar, node_id varchar,
  cluster varchar, node_name varchar, status varchar, meters varchar,
  metered_pool_id varchar, bills varchar, service_names varchar,
  billed_pool_ids varchar, currency varchar, billed_cost decimal(28,10),
  effective_cost decimal(28,10), capacity_gpu_hours decimal(28,10),
  explanation varchar, suggested_rule varchar);
create table cost.mart_commitments (billing_month varchar, source varchar,
  provider varchar, commitment_kind varchar, commitment_id varchar,
  commitment_name varchar, currency varchar, purchased_billed_cost decimal(28,10),
  committed_effective_cost decimal(28,10), used_effective_cost decimal(28,10),
  unused_effective_cost decimal(28,10),
  out_of_scope_used_effective_cost decimal(28,10),
  out_of_scope_unused_effective_cost decimal(28,10), utilisation_ratio double,
  purchased_billed_cost_to_date decimal(28,10),
  committed_effective_cost_to_date decimal(28,10));
create table delivery.mart_accelerator_idle_costs (charge_date date,
  billing_month varchar, pool_id varchar, model_id varchar, team_id varchar,
  cost_center varchar, currency varchar, total_billed_cost decimal(28,10),
  used_billed_cost decimal(28,10), requested_idle_billed_cost decimal(28,10),
  unmeasured_billed_cost decimal(28,10),
  infrastructure_idle_billed_cost decimal(28,10), unmapped_billed_cost decimal(28,10),
  unobserved_billed_cost decimal(28,10), total_effective_cost decimal(28,10),
  used_effective_cost decimal(28,10), requested_idle_effective_cost decimal(28,10),
  unmeasured_effective_cost decimal(28,10),
  infrastructure_idle_effective_cost decimal(28,10),
  unmapped_effective_cost decimal(28,10), unobserved_effective_cost decimal(28,10));
create table delivery.mart_accelerator_efficiency (charge_date date,
  billing_month varchar, pool_id varchar, team_id varchar, cost_center varchar,
  idle_policy varchar, capacity_gpu_hours decimal(28,10),
  allocated_gpu_hours decimal(28,10), active_gpu_hours decimal(28,10),
  requested_idle_gpu_hours decimal(28,10), unmeasured_gpu_hours decimal(28,10),
  infrastructure_idle_gpu_hours decimal(28,10), currency varchar,
  total_effective_cost decimal(28,10));
create table delivery.mart_accelerator_hours_of_week (billing_month varchar,
  pool_id varchar, weekday integer, hour_of_day integer, capacity_hour_count bigint,
  active_hour_count bigint, capacity_gpu_hours decimal(28,10),
  requested_gpu_hours decimal(28,10), active_gpu_hours decimal(28,10),
  requested_idle_gpu_hours decimal(28,10),
  infrastructure_idle_gpu_hours decimal(28,10), requested_idle_gpus double,
  infrastructure_idle_gpus double);
create table lineage.line_items (source varchar, load_id varchar, source_uri varchar,
  billing_month varchar, charge_date date, charge_period_start timestamp,
  charge_period_end timestamp, provider varchar, service_name varchar,
  resource_id varchar, resource_name varchar, sku_id varchar,
  charge_description varchar, charge_category varchar, sub_account_id varchar,
  region_id varchar, tags map(varchar, varchar), invoice_id varchar,
  consumed_quantity decimal(28,10), consumed_unit varchar, model_id varchar,
  feature_id varchar, team_id varchar, pool_id varchar, platform_id varchar,
  lifecycle_stage varchar, component varchar, assignment_method varchar,
  rule_name varchar, billing_currency varchar, billed_cost decimal(28,10),
  effective_cost decimal(28,10));
create table lineage.views (position integer, database_name varchar,
  schema_name varchar, view_name varchar, sql varchar);
insert into lineage.views values (0, 'build', 'intermediate', 'int_line_items',
  'SELECT * FROM published.lineage.line_items');
"""

_DIMENSIONS = """
insert into core.dim_teams values ('ml', 'Machine learning', 'cc-100'),
  ('vision', 'Vision', 'cc-200');
insert into core.dim_features values ('eta', 'Arrival time', 'ml'),
  ('camera', 'Camera', 'vision'), ('chat', 'Assistant', 'ml');
insert into core.dim_platforms values ('aws-eks', 'EKS', 'managed_kubernetes'),
  ('gcp', 'Google Cloud', 'other');
insert into core.dim_models values
  ('eta-v2', 'ETA v2', 'eta', 'ml', 'cc-100', '2026-01-01', null, true),
  ('vision-v1', 'Vision v1', 'camera', 'vision', 'cc-200', '2026-01-01', null, true),
  ('chat-v1', 'Chat v1', 'chat', 'ml', 'cc-100', '2026-09-01', null, true),
  ('old-v1', 'Old v1', 'eta', 'ml', 'cc-100', '2026-01-01', '2026-09-01', true);
insert into core.dim_dates select cast(d as date), strftime(d, '%Y-%m'), year(d),
  quarter(d) from range(timestamp '2026-07-01', timestamp '2026-10-01',
  interval 1 day) as days(d);
"""

_DERIVED = """
insert into cost.mart_cost_waterfall
select billing_month, source, currency, step, case step when 'ledger' then 0
  when 'out_of_scope' then 1 when 'tax' then 2 when 'credit' then 3
  when 'direct' then 4 when 'shared' then 5 when 'idle' then 6
  when 'unused_commitment' then 7 when 'overhead' then 8
  when 'unallocated' then 9 else 10 end, sum(b), sum(e)
from (
  select billing_month, source, currency, component as step, billed_cost as b,
    effective_cost as e from cost.fct_daily_model_costs
  union all
  select billing_month, source, currency, 'ledger', billed_cost, effective_cost
    from cost.fct_daily_model_costs
) group by all;
delete from cost.fct_daily_model_costs where component = 'out_of_scope';
insert into cost.mart_model_unit_costs
with costs as (
  select billing_month, model_id, currency,
    sum(effective_cost) filter (component = 'direct') as direct,
    sum(effective_cost) filter (component = 'shared') as shared,
    sum(effective_cost) filter (component = 'idle') as idle,
    sum(effective_cost) filter (component = 'unused_commitment') as unused,
    sum(effective_cost) filter (component = 'overhead') as overhead,
    sum(effective_cost) as loaded
  from cost.fct_daily_model_costs
  where model_id is not null and component in
    ('direct', 'shared', 'idle', 'unused_commitment', 'overhead')
  group by all
), usage (billing_month, model_id, requests, tokens_in, tokens_out, gpu, coverage) as (
  values ('2026-09', 'eta-v2', 730000, null, null, 365, 1.0),
    ('2026-08', 'eta-v2', 480000, null, null, 300, 1.0),
    ('2026-09', 'vision-v1', 0, null, null, 64, 0.5),
    ('2026-09', 'chat-v1', 60000, 90000000, 30000000, null, 0.9)
)
select billing_month, model_id, currency, coalesce(direct, 0), coalesce(shared, 0),
  coalesce(idle, 0), coalesce(unused, 0), coalesce(overhead, 0), loaded, requests,
  requests, tokens_in, tokens_in * 0.6, tokens_out, gpu,
  -- Of 90 million tokens in, 54 million are cached.
  tokens_in / 1000000, tokens_in / 3000000, tokens_out / 250000, null,
  cast(loaded as double) / nullif(requests, 0) * 1000, null, null, null,
  cast(loaded as double) / nullif(tokens_in + tokens_out, 0) * 1000000, null,
  cast(loaded as double) / nullif(gpu, 0), coverage
from costs left join usage using (billing_month, model_id);
insert into cost.fct_daily_pool_costs values
  ('2026-09-15', '2026-09', 'aws', 'gpu-cluster', 'gpu_hours', 'EUR', 550, 550, 400,
   400, 30, 30, 150, 150, 0, 0),
  ('2026-08-15', '2026-08', 'aws', 'gpu-cluster', 'gpu_hours', 'EUR', 320, 320, 200,
   200, 10, 10, 120, 120, 0, 0),
  ('2026-09-15', '2026-09', 'aws', 'vector-db', 'requests', 'EUR', 40, 40, 0, 0, 0, 0,
   40, 40, 0, 0);
insert into cost.mart_unallocated_causes values
  ('2026-09', 'aws', 'AWS', 'Amazon SageMaker', 'notebook', 'EUR', 80.25, 80.25, 3,
   '- {name: Amazon SageMaker, match: {source: aws, service_name: "Amazon SageMaker"}, '
   || 'model: MODEL-ID}'),
  ('2026-09', 'gcp', 'Google Cloud', 'Vertex AI', null, 'EUR', 19.75, 19.75, 2,
   '- {name: Vertex AI, match: {source: gcp, service_name: "Vertex AI"}, '
   || 'model: MODEL-ID}'),
  ('2026-08', 'aws', 'AWS', 'Amazon SageMaker', 'notebook', 'EUR', 50, 50, 1,
   '- {name: Amazon SageMaker, match: {source: aws}, model: MODEL-ID}');
"""

_HEALTH = """
insert into core.mart_source_freshness values
  ('aws', 'aws_data_exports', 'focus', '2026-09-29 00:00', '2026-09-30 05:00', 48,
   false, 3, 14, 1),
  ('gcp', 'gcp_billing', 'gcp_billing_export', '2026-09-30 00:00', '2026-09-30 05:10',
   48, false, 2, 5, 0),
  ('usage', 'tables', 'model_usage', '2026-09-30 05:12', '2026-09-30 05:12', 48,
   false, 1, 90, 0),
  ('aws', 'aws_data_exports', 'aws_cur2', '2026-09-29 00:00', null, 48, false, 0, 0, 0),
  ('ledgerless', 'focus_files', 'focus', null, null, 24, false, 0, 0, 0);
insert into core.mart_loads values
  ('load-01', 'aws', 'focus', '2026-09', '2026-09', 'superseded', 10, 0,
   '2026-09-28 05:00', 'execution 1'),
  ('load-02', 'aws', 'focus', '2026-09', '2026-09', 'current', 14, 1,
   '2026-09-30 05:00', 'execution 2'),
  ('load-03', 'gcp', 'gcp_billing_export', '2026-09', '2026-09', 'current', 5, 0,
   '2026-09-30 05:10', 'window 2026-09');
insert into core.mart_quarantine_reasons values
  ('aws', 'focus', 'billed_cost is not a number', 1, '2026-09-30 05:00',
   '2026-09-30 05:00', 'part-0.csv:17');
insert into core.mart_data_quality_issues values
  ('M4', 'warn', 'aws', '2026-09', 1, 1000, 'EUR',
   'A charge without a commitment has a billed cost that differs from its '
   || 'effective cost.');
insert into core.mart_month_completeness values
  ('2026-07', 'aws', true, null, 1, '2026-07-15', 0, 0, 'EUR'),
  ('2026-08', 'aws', true, null, 1, '2026-08-15', 0, 0, 'EUR'),
  ('2026-09', 'aws', true, null, 1, '2026-09-15', 0, 0, 'EUR'),
  ('2026-09', 'gcp', true, null, 1, '2026-09-15', 0, 0, 'EUR');
"""

#: Two gateways see OpenAI: of 750 without 50 of tax, one 500 and the other 120. The
#: bill of 100 of Anthropic is estimated at 150, and Mistral has none yet.
_GATEWAYS = """
insert into cost.fct_daily_gateway_costs values
  ('2026-09-14', '2026-09', 'openai', 'proxy', 'EUR', 500, 0, 400, 100, 2500000,
   2000000, 1800000, 8000),
  ('2026-09-15', '2026-09', 'openai', 'proxy', 'EUR', 300, 50, 100, 150, 1500000,
   1000000, 900000, 4000),
  ('2026-09-14', '2026-09', 'openai', 'traces', 'EUR', 500, 0, null, 500, 2500000,
   null, null, null),
  ('2026-09-15', '2026-09', 'openai', 'traces', 'EUR', 300, 50, 120, 130, 1500000,
   1100000, null, 3000),
  ('2026-09-15', '2026-09', 'anthropic', 'proxy', 'EUR', 100, 0, 150, -50, null,
   400000, 400000, 900),
  ('2026-09-15', '2026-09', 'mistral', 'proxy', 'EUR', null, null, 7, null, null,
   50000, null, 20),
  ('2026-08-15', '2026-08', 'openai', 'proxy', 'EUR', 600, 0, 480, 120, null, 2000000,
   2000000, 5000);
insert into cost.mart_gateway_gaps values
  ('2026-09', 'openai', 'proxy', 'EUR', 800, 50, 500, 250, 2 / 3, 1 / 3, 12000, 4000000,
   3000000, 0.75, 0.9, 2, 1.0),
  ('2026-09', 'openai', 'traces', 'EUR', 800, 50, 120, 630, 0.16, 0.84, 3000, 4000000,
   1100000, 0.275, 0, 2, 0.5),
  ('2026-09', 'anthropic', 'proxy', 'EUR', 100, 0, 150, -50, 1.5, -0.5, 900, null,
   400000, null, 1.0, 1, 1.0),
  ('2026-09', 'mistral', 'proxy', 'EUR', null, null, 7, null, null, null, 20, null,
   50000, null, 0, 0, null),
  ('2026-08', 'openai', 'proxy', 'EUR', 600, 0, 480, 120, 0.8, 0.2, 5000, null, 2000000,
   null, 1.0, 1, 1.0);
"""

#: In gpu-cluster eta-v2 and vision-v1 hold 300 + 100 of 550 in September, 20 + 10 of it
#: idle; 150 is nobody's. gpu-dark has no capacity: of its 60, 25 is not measured, 15 of
#: no known model, 20 not observed. Billed is half of everything. August is read every
#: day. A plan of 100 left 80 unused, 10 of which is no AI spend. Of four nodes in
#: September a meter saw three: 70 of 600 is of the fourth, 50 goes to no pool.
_ACCELERATORS = """
insert into delivery.mart_accelerator_idle_costs
select cast(month || '-15' as date), month, pool, model, team, center, 'EUR',
  (used + asked + dark + free + alien + blind) / 2, used / 2, asked / 2, dark / 2,
  free / 2, alien / 2, blind / 2, used + asked + dark + free + alien + blind, used,
  asked, dark, free, alien, blind
from (values
  ('2026-09', 'gpu-cluster', 'eta-v2', 'ml', 'cc-100', 280, 20, 0, 0, 0, 0),
  ('2026-09', 'gpu-cluster', 'vision-v1', 'vision', 'cc-200', 90, 10, 0, 0, 0, 0),
  ('2026-09', 'gpu-cluster', null, 'ml', 'cc-100', 0, 0, 0, 150, 0, 0),
  ('2026-09', 'gpu-dark', 'chat-v1', 'ml', 'cc-100', 0, 0, 25, 0, 0, 0),
  ('2026-09', 'gpu-dark', null, null, null, 0, 0, 0, 0, 15, 20),
  ('2026-08', 'gpu-cluster', 'eta-v2', 'ml', 'cc-100', 190, 10, 0, 0, 0, 0),
  ('2026-08', 'gpu-cluster', null, 'ml', 'cc-100', 0, 0, 0, 120, 0, 0)
) as costs (month, pool, model, team, center, used, asked, dark, free, alien, blind);
insert into delivery.mart_accelerator_efficiency values
  ('2026-09-15', '2026-09', 'gpu-cluster', 'ml', 'cc-100', 'show', 192, 140, 128, 12, 0,
   52, 'EUR', 550),
  ('2026-09-15', '2026-09', 'gpu-dark', null, null, 'show', null, null, null, null,
   null, null, 'EUR', 60);
insert into delivery.mart_accelerator_efficiency
select cast(d as date), '2026-08', 'gpu-cluster', 'ml', 'cc-100', 'show', 192, 100, 90,
  10, 0, 92, 'EUR', case when day(d) = 15 then 320 else 0 end
from range(timestamp '2026-08-01', timestamp '2026-09-01', interval 1 day) as days(d);
insert into delivery.mart_accelerator_hours_of_week
select month, 'gpu-cluster', weekday, hour, case when weekday < 6 then 4 else 0 end,
  case when weekday < 6 then 2 else 0 end, case when weekday < 6 then 32 end,
  case when weekday < 6 then 20 end, case when weekday < 6 then 6 end,
  case when weekday < 6 then 4 end,
  case when weekday < 6 then if(weekday = 2 and hour = 13, 22, 10) end,
  case when weekday < 6 then 2.0 end,
  case when weekday < 6 then if(weekday = 2 and hour = 13, 5.5, 2.5) end
from range(1, 8) as w(weekday), range(0, 24) as h(hour),
  (values ('2026-08'), ('2026-09')) as m(month);
insert into cost.mart_metered_nodes values
  ('2026-09', 'i-01', 'gpu', 'gpu-0', 'matched', 'clusters', 'gpu-cluster', 'aws',
   'Amazon EC2', 'gpu-cluster', 'EUR', 240, 480, 96, 'The bill charges it.', null),
  ('2026-09', 'i-02', null, null, 'not_metered', null, null, 'aws', 'Amazon EC2',
   'gpu-cluster', 'EUR', 35, 70, null, 'No meter names this machine.', null),
  ('2026-09', 'i-03', 'gpu', 'gpu-2', 'other_pool', 'clusters', 'gpu-cluster', 'aws',
   'Amazon EC2', null, 'EUR', 25, 50, 96, 'The bill charges it elsewhere.',
   '- {name: gpu-2, match: {resource_id: i-03}, pool: gpu-cluster}'),
  ('2026-09', 'edge/edge-0', 'edge', 'edge-0', 'not_billed', 'clusters', 'edge', null,
   null, null, null, null, null, 12, 'No bill charges this node.', null),
  ('2026-08', 'i-02', null, null, 'not_metered', null, null, 'aws', 'Amazon EC2',
   'gpu-cluster', 'EUR', 15, 30, null, 'No meter names this machine.', null),
  ('2026-08', 'i-09', null, null, 'not_metered', null, null, 'us', 'Amazon EC2',
   'gpu-cluster', 'USD', 5, 5, null, 'No meter names this machine.', null);
insert into cost.mart_commitments values
  ('2026-08', 'aws', 'AWS', 'commitment_discount', 'sp-1', 'one-year', 'EUR', 100, 100,
   95, 5, 0, 0, 0.95, 100, 100),
  ('2026-09', 'aws', 'AWS', 'commitment_discount', 'sp-1', 'one-year', 'EUR', 100, 100,
   20, 80, 0, 10, 0.2, 200, 200);
insert into cost.mart_meter_gaps values
  ('2026-09', 'aws', 'gpu-dark', 'gpu_hours', 'no_reading', 'EUR', 10, 20, 3,
   '2026-09-15', '2026-09-15', 'No reading of the driver falls into these charges.');
"""


def publish(
    root: Path,
    variant: Variant = "normal",
    *,
    run_id: str = "run-0001",
    is_synthetic: bool = False,
    factor: str = "1",
) -> Path:
    """Write a published warehouse and point to it."""
    folder = root / "warehouse" / "published"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{run_id}.duckdb"
    path.write_bytes(_content(variant, run_id, factor, is_synthetic=is_synthetic))
    fresh = root / "warehouse" / ".CURRENT.new"
    fresh.write_text(f"published/{path.name}\n", encoding="utf-8")
    fresh.replace(root / "warehouse" / "CURRENT")
    return path


@cache
def _content(
    variant: Variant, run_id: str, factor: str, *, is_synthetic: bool
) -> bytes:
    """Return the file's bytes; writing them once a session keeps the tests quick."""
    as_of = None if variant == "empty" else "2026-09-30 05:12"
    with TemporaryDirectory() as folder:
        path = Path(folder) / "published.duckdb"
        with duckdb.connect(str(path)) as connection:
            connection.execute(_DDL + finance_fixture.DDL + velocity_fixture.DDL)
            connection.execute(impact_fixture.DDL)
            connection.execute(assumptions_fixture.DDL)
            connection.execute(
                "insert into core.mart_run values (?, 'Example Works', 'EUR', ?,"
                " '2026-09-30 05:30', ?, '0.1.0', 0.005)",
                [run_id, is_synthetic, as_of],
            )
            if variant != "empty":
                _fill(connection, variant, factor)
            connection.execute(statement_fixture.ROWS)
        return path.read_bytes()


def publish_corrupt_file(root: Path) -> None:
    """Point to a file that is no database."""
    folder = root / "warehouse" / "published"
    folder.mkdir(parents=True)
    (folder / "run-0009.duckdb").write_bytes(b"this is not a database" * 400)
    (root / "warehouse" / "CURRENT").write_text("published/run-0009.duckdb\n")


def _fill(connection: duckdb.DuckDBPyConnection, variant: Variant, factor: str) -> None:
    connection.execute(_DIMENSIONS)
    rows = [*_september(is_estimated=variant != "complete"), *_earlier()]
    if variant == "partial":
        rows.append(
            (
                "2026-09",
                "aws",
                "AWS",
                "vision-v1",
                "serving",
                "direct",
                "tag",
                None,
                "999.99",
                "999.99",
                True,
                "USD",
            )
        )
    connection.executemany(
        "insert into cost.fct_daily_model_costs by name"
        " select cast($1 || '-15' as date) as charge_date, $1 as billing_month,"
        " $2 as source, $3 as provider, 'aws-eks' as platform_id, $4 as model_id,"
        " (select any_value(feature_id) from core.dim_models where model_id = $4)"
        " as feature_id,"
        " (select any_value(team_id) from core.dim_models where model_id = $4)"
        " as team_id,"
        " (select any_value(cost_center) from core.dim_models where model_id = $4)"
        " as cost_center, $5 as lifecycle_stage, $6 as component,"
        " $7 as assignment_method, $8 as pool_id,"
        " cast($9 as decimal(28,10)) as billed_cost,"
        " cast($10 as decimal(28,10)) as effective_cost, $11 as is_estimated,"
        " $12 as currency",
        [list(row) for row in rows],
    )
    if factor != "1":
        connection.execute(
            "update cost.fct_daily_model_costs set billed_cost = billed_cost *"
            f" {factor}, effective_cost = effective_cost * {factor}"
        )
    connection.execute(_DERIVED)
    connection.execute(_HEALTH)
    connection.execute(_GATEWAYS)
    connection.execute(_ACCELERATORS)
    connection.execute(finance_fixture.ROWS + velocity_fixture.ROWS)
    connection.execute(impact_fixture.ROWS)
    _add_line_items(connection)
    if variant == "stale":
        connection.execute(
            "update core.mart_source_freshness set is_stale = true,"
            " newest_evidence_at = '2026-09-16 00:00' where source = 'aws'"
            " and load_count > 0"
        )
    if variant == "partial":
        connection.execute(
            "update core.mart_month_completeness set is_complete = false, missing ="
            " 'exchange rate USD to EUR for 2026-09', missing_amount = null"
            " where billing_month = '2026-09' and source = 'aws'"
        )
    if variant == "converted":
        connection.execute(
            "update lineage.line_items set billing_currency = 'USD',"
            " billed_cost = billed_cost * 2, effective_cost = effective_cost * 2"
        )
    if variant == "missing_mart":
        connection.execute("drop table cost.mart_cost_waterfall")


def _september(*, is_estimated: bool) -> list[_Cost]:
    tail = (is_estimated, "EUR")
    aws = ("2026-09", "aws", "AWS")
    gcp = ("2026-09", "gcp", "Google Cloud")
    pool = ("usage_driver", "gpu-cluster")
    rows: list[_Cost] = [
        (*aws, "eta-v2", "serving", "direct", "tag", None, "1000", "900", *tail),
        (*aws, "eta-v2", "training", "direct", "tag", None, "200", "200", *tail),
        (*aws, "eta-v2", "serving", "shared", *pool, "300", "300", *tail),
        (*aws, "eta-v2", "serving", "overhead", "even", None, "60", "60", *tail),
        (*aws, "vision-v1", "serving", "direct", "tag", None, "500", "500", *tail),
        (*aws, "vision-v1", "serving", "shared", *pool, "100", "100", *tail),
        (
            *aws,
            "vision-v1",
            "serving",
            "idle",
            "usage_driver",
            "vector-db",
            "40",
            "40",
            *tail,
        ),
        (*gcp, "chat-v1", "serving", "direct", "tag", None, "250.50", "250.50", *tail),
        (
            *gcp,
            "chat-v1",
            "experimentation",
            "direct",
            "tag",
            None,
            "49.50",
            "49.50",
            *tail,
        ),
        (*aws, None, "unknown", "idle", *pool, "150", "150", *tail),
        (*aws, None, "unknown", "unused_commitment", "none", None, "0", "70", *tail),
        (*aws, None, "unknown", "unallocated", "none", None, "80.25", "80.25", *tail),
        (*gcp, None, "unknown", "unallocated", "none", None, "19.75", "19.75", *tail),
        (*aws, None, "unknown", "tax", "none", None, "190", "190", *tail),
        (*gcp, None, "unknown", "credit", "none", None, "-60", "-60", *tail),
        (
            *aws,
            None,
            "unknown",
            "remainder",
            "none",
            None,
            "0.0000000001",
            "0.0000000001",
            *tail,
        ),
        (*aws, None, "unknown", "out_of_scope", "none", None, "400", "400", *tail),
    ]
    return rows + _small_models("2026-09", is_estimated=is_estimated)


def _earlier() -> list[_Cost]:
    tail = (False, "EUR")
    august = ("2026-08", "aws", "AWS")
    july = ("2026-07", "aws", "AWS")
    pool = ("usage_driver", "gpu-cluster")
    rows: list[_Cost] = [
        (*august, "eta-v2", "serving", "direct", "tag", None, "1000", "1000", *tail),
        (*august, "eta-v2", "serving", "shared", *pool, "200", "200", *tail),
        (*august, "vision-v1", "serving", "direct", "tag", None, "640", "640", *tail),
        (*august, "old-v1", "serving", "direct", "tag", None, "90", "90", *tail),
        (*august, None, "unknown", "idle", *pool, "120", "120", *tail),
        (*august, None, "unknown", "unallocated", "none", None, "50", "50", *tail),
        (*august, None, "unknown", "tax", "none", None, "100", "100", *tail),
        (*july, "eta-v2", "serving", "direct", "tag", None, "800", "800", *tail),
    ]
    return rows + _small_models("2026-08", is_estimated=False)


def _small_models(month: str, *, is_estimated: bool) -> list[_Cost]:
    return [
        (
            month,
            "aws",
            "AWS",
            model,
            "serving",
            "direct",
            "tag",
            None,
            str(cost),
            str(cost),
            is_estimated,
            "EUR",
        )
        for model, cost in _SMALL
    ]


def _add_line_items(connection: duckdb.DuckDBPyConnection) -> None:
    """Add the lines behind eta-v2's 1,100.00 and the pool's 550.00 of September."""
    lines = [
        ("node-a", "eta-v2", None, "direct", "serving", "600", "500"),
        ("node-a", "eta-v2", None, "direct", "serving", "399.99", "399.99"),
        ("node-a", "eta-v2", None, "direct", "serving", "0.01", "0.01"),
        ("train-1", "eta-v2", None, "direct", "training", "120", "120"),
        ("train-1", "eta-v2", None, "direct", "training", "80", "80"),
        ("gpu-node-1", None, "gpu-cluster", "shared", "serving", "500", "500"),
        ("gpu-node-2", None, "gpu-cluster", "shared", "serving", "50", "50"),
        (None, None, None, "unallocated", "unknown", "80.25", "80.25"),
    ]
    connection.executemany(
        "insert into lineage.line_items by name select 'aws' as source,"
        " 'load-02' as load_id, 'bills/aws/part-0.csv' as source_uri,"
        " '2026-09' as billing_month, date '2026-09-15' as charge_date,"
        " 'AWS' as provider, 'Amazon EKS' as service_name, $1 as resource_id,"
        " $1 as resource_name, 'sku-1' as sku_id, 'Compute' as charge_description,"
        " 'Usage' as charge_category, $2 as model_id, $3 as pool_id,"
        " $4 as component, $5 as lifecycle_stage, 'model tag' as rule_name,"
        " map {'model': 'eta-v2'} as tags, 'EUR' as billing_currency,"
        " cast($6 as decimal(28,10)) as billed_cost,"
        " cast($7 as decimal(28,10)) as effective_cost",
        [list(line) for line in lines],
    )
