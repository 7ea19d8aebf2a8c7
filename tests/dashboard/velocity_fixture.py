"""Velocity of two models by hand, for the warehouse that pages are tested on.

In September 2026 a change to eta-v2 took 30 hours at the median of seven, and one of
its ten deployments failed. Of vision-v1 three changes are too few for a median.
"""

from __future__ import annotations

DDL = """
create table delivery.mart_velocity (month varchar, scope_kind varchar,
  scope_id varchar, metric varchar, unit varchar, statistic varchar,
  metric_value double, p50 double, p90 double, interval_low double,
  interval_high double, n_used bigint, n_open bigint, n_excluded bigint,
  excluded_by_reason varchar, missing_ratio double, oldest_open_at timestamp,
  oldest_open_seconds double, source_kind varchar, definition_version integer);
create table delivery.mart_velocity_quarters (quarter varchar, first_month varchar,
  last_month varchar, is_over boolean, scope_kind varchar, scope_id varchar,
  metric varchar, unit varchar, statistic varchar, metric_value double, p50 double,
  p90 double, interval_low double, interval_high double, n_used bigint,
  n_open bigint, n_excluded bigint, excluded_by_reason varchar, missing_ratio double,
  oldest_open_at timestamp, oldest_open_seconds double, source_kind varchar,
  definition_version integer);
create table delivery.mart_velocity_windows (month varchar, window_months integer,
  window_start date, window_end date, is_over boolean, scope_kind varchar,
  scope_id varchar, metric varchar, unit varchar, metric_value double, p90 double,
  interval_low double, interval_high double, n_used bigint, n_open bigint,
  n_excluded bigint, missing_ratio double, reason varchar, way_out varchar,
  wider_scope_kind varchar, wider_scope_id varchar, wider_window_months bigint,
  wider_n_used bigint, wider_metric_value double);
create table delivery.mart_infra_hours (month varchar, window_months integer,
  window_start date, window_end date, is_over boolean, is_filling boolean,
  scope_kind varchar, scope_id varchar, known_month_count bigint, infra_hours double,
  estimated_hours double, is_estimated boolean, deployment_count bigint,
  unknown_deployment_count bigint, infra_hours_per_deployment double,
  infra_hours_per_deployment_at_least double, reason varchar, way_out varchar);
create table delivery.mart_training_times (month varchar, window_months integer,
  window_start date, window_end date, breakdown varchar, architecture varchar,
  platform_id varchar, instance_type varchar, accelerator varchar, gpu_count double,
  n_used bigint, training_hours_p50 double, training_hours_p90 double,
  interval_low double, interval_high double, gpu_hours_per_run double, reason varchar,
  way_out varchar);
create table delivery.mart_time_to_event (metric varchar, scope_kind varchar,
  scope_id varchar, cohort_kind varchar, cohort varchar, item_count bigint,
  event_count bigint, censored_count bigint, censored_ratio double,
  is_censoring_material boolean, median_state varchar, median_seconds double,
  median_seconds_low double, median_seconds_high double,
  median_seconds_of_ended double, longest_seconds double);
create table delivery.mart_conversions (metric varchar, scope_kind varchar,
  scope_id varchar, cohort_kind varchar, cohort varchar, horizon_days integer,
  item_count bigint, event_count bigint, followed_count bigint, is_mature boolean,
  converted_ratio double, converted_ratio_low double, converted_ratio_high double);
create table delivery.mart_latency_percentiles (source varchar, source_system varchar,
  window_start timestamp, window_end timestamp, window_seconds double, month varchar,
  model_id varchar, pool_id varchar, service varchar, service_id varchar,
  environment varchar, percentile_kind varchar, p50_seconds double, p90_seconds double,
  p95_seconds double, p99_seconds double, request_count double,
  latency_threshold_seconds double, is_over_threshold boolean);
create table delivery.mart_velocity_events (metric varchar, unit varchar,
  event_kind varchar, event_key varchar, item_key varchar, deployed_unit varchar,
  model_id varchar, feature_id varchar, team_id varchar, architecture varchar,
  state varchar, exclusion_reason varchar, is_missing boolean, started_at timestamp,
  ended_at timestamp, event_value double, open_seconds double, happened_on date,
  month varchar, started_month varchar, started_quarter varchar);
create table delivery.mart_deployment_weeks (scope_kind varchar, scope_id varchar,
  week date, deployment_count bigint, deployment_day_count bigint,
  is_complete boolean, month varchar);
create table delivery.fct_changes (service varchar, model_id varchar, team_id varchar,
  committed_at timestamp, merged_at timestamp, deployed_at timestamp,
  lead_time_seconds double, month varchar);
create table delivery.fct_promotions (event_time timestamp, registered_model varchar,
  model_version varchar, model_id varchar, team_id varchar, change_kind varchar,
  training_seconds double, end_to_registered_seconds double,
  registered_to_production_seconds double, training_to_production_seconds double,
  precision_seconds double, how varchar, exclusion_reason varchar,
  is_first_in_production boolean, month varchar);
create table delivery.mart_unmapped_identities (source varchar, stream varchar,
  kind varchar, name varchar, row_count bigint, catalog_entry varchar);
create table delivery.mart_infra_effort (month varchar, team_id varchar,
  infra_hours double, deployment_count bigint, infra_hours_28_days double,
  deployment_count_28_days bigint, unknown_deployment_count_28_days bigint,
  infra_hours_per_deployment double,
  is_filling boolean, engaged_hours double, incident_worklog_hours double,
  headcount double, available_hours double, firefighting_system_ratio double,
  firefighting_self_report_ratio double, long_entry_count bigint);
create table delivery.mart_delivery_costs (month varchar, scope_kind varchar,
  scope_id varchar, currency varchar, effective_cost decimal(38,10),
  deployment_count bigint, unknown_deployment_count bigint,
  cost_per_deployment double, training_cost decimal(38,10),
  training_run_count bigint, cost_per_training_run double,
  cost_per_training_gpu_hour double, incident_count bigint, engaged_hours double,
  incident_cost decimal(38,10), cost_per_incident double);
create table delivery.mart_satisfaction (wave_id varchar, item_id varchar,
  scale_min double, scale_max double, group_id varchar, respondent_count bigint,
  response_ratio double, score double, favourable_ratio double, enps double,
  enps_low double, enps_high double, is_suppressed boolean, is_response_low boolean);
create table delivery.mart_serving_performance (week date, model_id varchar,
  platform_id varchar, environment varchar, latency_threshold_seconds double,
  request_count double, windows_over_threshold_ratio double,
  loaded_windows_over_threshold_ratio double, requests_over_threshold_ratio double,
  p50_seconds double, p95_seconds double, p99_seconds double,
  p95_to_threshold_ratio double);
"""

ROWS = """
insert into delivery.mart_velocity
select month, 'model', model, metric, unit, statistic, value, value, p90, low, high,
  n, open, excluded, reasons, missing, null, oldest, 'system', 1
from (values
  ('2026-08', 'eta-v2', 'change_lead_time', 'seconds', 'median', 144000, null,
   108000, 180000, 7, 0, 0, null, 0.0, null),
  ('2026-09', 'eta-v2', 'change_lead_time', 'seconds', 'median', 108000, null,
   72000, 144000, 7, 1, 2, 'first_deployment 2', 0.125, 864000),
  ('2026-09', 'eta-v2', 'deployment_frequency', 'per_week', 'weekly', 2.5, null,
   null, null, 10, 0, 1, 'redeploy 1', 0.0, null),
  ('2026-09', 'eta-v2', 'change_fail_ratio', 'ratio', 'ratio', 0.1, null, 0.023,
   0.345, 10, 0, 0, null, 0.0, null),
  ('2026-09', 'eta-v2', 'failed_deployment_recovery', 'seconds', 'median', null, null,
   null, null, 1, 0, 0, null, 0.0, null),
  ('2026-07', 'vision-v1', 'change_lead_time', 'seconds', 'median', 90000, null,
   60000, 99000, 6, 0, 0, null, 0.0, null),
  ('2026-08', 'vision-v1', 'change_lead_time', 'seconds', 'median', null, null, null,
   null, 0, 0, 0, null, null, null),
  ('2026-09', 'vision-v1', 'change_lead_time', 'seconds', 'median', null, null, null,
   null, 3, 0, 0, null, 0.0, null)
) as t(month, model, metric, unit, statistic, value, p90, low, high, n, open, excluded,
  reasons, missing, oldest);
insert into delivery.mart_velocity_quarters
select quarter, first, last, true, 'model', 'eta-v2', metric, unit, statistic, value,
  value, null, low, high, n, 1, 0, null, 0.0, null, 864000, 'system', 1
from (values
  ('2026-Q2', '2026-04', '2026-06', 'change_lead_time', 'seconds', 'median', 162000,
   108000, 216000, 9),
  ('2026-Q3', '2026-07', '2026-09', 'change_lead_time', 'seconds', 'median', 126000,
   90000, 144000, 21),
  ('2026-Q3', '2026-07', '2026-09', 'change_fail_ratio', 'ratio', 'ratio', 0.2, 0.1,
   0.35, 30)
) as t(quarter, first, last, metric, unit, statistic, value, low, high, n);
insert into delivery.mart_velocity_windows
select '2026-09', months, case months when 3 then date '2026-07-01' else
  date '2025-10-01' end, date '2026-10-01', true, kind, id, metric, unit, value, null,
  value * 0.5, value * 2, n, 1, 0, 0.0, reason, way_out, null, null, null, null, wider
from (values
  (3, 'model', 'eta-v2', 'time_to_restore', 'seconds', null, 3,
   'n = 3, fewer than five', 'n = 6 in the model eta-v2 over 12 months', 7200),
  (12, 'model', 'eta-v2', 'time_to_restore', 'seconds', 7200, 6, null, null, null),
  (3, 'model', 'eta-v2', 'training_to_production', 'seconds', null, 0,
   'no version came', 'n = 41 in the organisation over 12 months', 345600),
  (12, 'model', 'eta-v2', 'training_to_production', 'seconds', null, 2,
   'n = 2, fewer than five', 'n = 41 in the organisation over 12 months', 345600),
  (12, 'organisation', 'organisation', 'time_to_restore', 'seconds', 9000, 11, null,
   null, null),
  (12, 'model', 'vision-v1', 'training_to_production', 'seconds', null, 2,
   'n = 2, fewer than five', 'n = 41 in the organisation over 12 months', 345600),
  (12, 'model', 'vision-v1', 'time_to_restore', 'seconds', 10800, 5, null, null, null),
  (3, 'organisation', 'organisation', 'iterations_per_feature', 'runs', 1.5, 12, null,
   null, null)
) as t(months, kind, id, metric, unit, value, n, reason, way_out, wider);
insert into delivery.mart_infra_hours
select '2026-09', 12, date '2025-10-01', date '2026-10-01', true, false, kind, id, 12,
  hours, estimated, estimated > 0, n, unknown, hours / nullif(n, 0),
  hours / nullif(n + unknown, 0), reason, way_out
from (values
  ('team', 'ml', 120, 0, 30, 10, null, null),
  ('team', 'ops', 80, 0, 0, 0, 'no deployment of it counted in these months',
   'n = 40 in the organisation over 12 months'),
  ('platform', 'aws', 60, 45, 12, 0, null, null),
  ('platform', 'openai', null, null, 0, 0,
   'catalog.yml names no team that runs it, and no worklog names it',
   'name its team in catalog.yml, or book hours with platform_id'),
  ('organisation', 'organisation', 200, 0, 40, 10, null, null)
) as t(kind, id, hours, estimated, n, unknown, reason, way_out);
insert into delivery.mart_training_times
select '2026-09', 12, date '2025-10-01', date '2026-10-01', breakdown, 'gru', platform,
  instance, gpu, gpus, n, median, null, median / 2, median * 2, per_run, reason, way_out
from (values
  ('architecture', null, null, null, null, 5, 3, 5, null, null),
  ('hardware', 'aws', 'g5.12xlarge', 'A10G', 4, 4, null, 5, 'n = 4, fewer than five',
   'n = 5 of the architecture gru over 12 months'),
  ('hardware', null, null, null, null, 1, null, null, 'n = 1, fewer than five',
   'n = 5 of the architecture gru over 12 months')
) as t(breakdown, platform, instance, gpu, gpus, n, median, per_run, reason, way_out);
insert into delivery.mart_time_to_event
select metric, 'model', 'eta-v2', kind, cohort, n, n - open, open, open / n,
  open * 5 >= n, state, median, low, null, ended, longest
from (values
  ('change_lead_time', 'all', 'all', 30, 2, 'reached', 129600, 90000, 126000, 864000),
  ('training_to_production', 'all', 'all', 10, 6, 'not reached', null, 432000, 259200,
   7776000),
  ('training_to_production', 'quarter', '2026-Q3', 8, 4, 'reached', 691200, 259200,
   259200, 7776000),
  ('training_to_production', 'month', '2026-09', 3, 3, 'too few', null, null, null,
   864000)
) as t(metric, kind, cohort, n, open, state, median, low, ended, longest);
insert into delivery.mart_conversions
select 'registration_to_production', 'model', 'eta-v2', kind, cohort, days, n, came,
  followed, followed = n, share, low, high
from (values
  ('quarter', '2026-Q2', 30, 20, 10, 20, 0.5, 0.33, 0.67),
  ('quarter', '2026-Q2', 90, 20, 12, 20, 0.6, 0.42, 0.76),
  ('quarter', '2026-Q3', 30, 8, 2, 8, 0.25, 0.09, 0.53),
  ('quarter', '2026-Q3', 90, 8, 4, 5, null, null, null),
  ('month', '2026-09', 30, 3, 0, 1, null, null, null)
) as t(kind, cohort, days, n, came, followed, share, low, high);
insert into delivery.mart_latency_percentiles
select 'railway', 'railway', start, start + interval 6 hour, 21600, '2026-09', 'eta-v2',
  null, 'eta-api', 's1', 'production', 'delivered', 0.05, 0.2, p95, 0.9, 1000, 0.5,
  p95 > 0.5
from (values (timestamp '2026-09-07', 0.4), (timestamp '2026-09-08', 0.6))
  as t(start, p95);
insert into delivery.mart_velocity_events
select 'change_lead_time', 'seconds', 'change', key, key, 'eta-api', 'eta-v2', null,
  'ml', null, state, reason, false, timestamp '2026-09-01', ended, seconds,
  case state when 'open' then 864000 end, cast(ended as date), month, month, '2026-Q3'
from (values
  ('repo@a1', 'used', null, timestamp '2026-09-02 06:00', 108000, '2026-09'),
  ('repo@b2', 'excluded', 'first_deployment', timestamp '2026-09-03', null, '2026-09'),
  ('repo@c3', 'open', null, null, null, '2026-08')
) as t(key, state, reason, ended, seconds, month);
insert into delivery.mart_deployment_weeks values
  ('model', 'eta-v2', date '2026-09-07', 3, 2, true, '2026-09'),
  ('model', 'eta-v2', date '2026-09-14', 0, 0, true, '2026-09'),
  ('model', 'eta-v2', date '2026-09-21', 2, 2, true, '2026-09'),
  ('model', 'eta-v2', date '2026-09-28', 1, 1, false, '2026-09');
insert into delivery.fct_changes
select 'eta-api', 'eta-v2', 'ml', start, start + interval 6 hour,
  start + to_hours(hours), hours * 3600.0, '2026-09'
from (values (timestamp '2026-09-01', 10), (timestamp '2026-09-02', 20),
  (timestamp '2026-09-03', 30), (timestamp '2026-09-04', 40),
  (timestamp '2026-09-05', 50)) as t(start, hours);
insert into delivery.fct_promotions values
  (timestamp '2026-09-10 12:00', 'eta', '7', 'eta-v2', 'ml', 'retrain', 7200, 60, 86340,
   86400, 300, 'snapshot', null, true, '2026-09');
insert into delivery.mart_unmapped_identities values
  ('ci', 'deployments', 'service', 'old-api', 4, '- {service: ''old-api'', model: …}');
insert into delivery.mart_infra_effort values
  ('2026-09', 'ml', 40, 10, 36, 9, 1, 4, false, 30, 24, 6, 240, 0.125, 0.1, 0);
insert into delivery.mart_delivery_costs values
  ('2026-09', 'model', 'eta-v2', 'EUR', 1460, 10, 2, 146, 300, 3, 100, null, 1, 4, null,
   null);
insert into delivery.mart_satisfaction values
  ('2026-Q3', 'recommend', 0, 10, null, 12, 0.8, 70, 0.5, 25, -5, 55, false, false),
  ('2026-Q3', 'recommend', 0, 10, 'ml', null, null, null, null, null, null, null, true,
   null);
insert into delivery.mart_serving_performance values
  (date '2026-09-07', 'eta-v2', 'aws', 'production', 0.5, 1000, 0.25, 0.5, 0.04, 0.1,
   0.6, 0.9, 1.2);
"""
#: A team that ships and is on no bill, and ships in a month without a charge.
CREW = """
insert into delivery.mart_velocity
select month, 'team', 'crew', 'deployment_frequency', 'per_week', 'weekly', 4, null,
  null, null, null, 12, 0, 0, null, 0.0, null, null, 'system', 1
from (values ('2026-09'), ('2026-11')) as t(month);
"""
