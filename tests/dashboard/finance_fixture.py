"""Invoices, months, budgets, a bridge and forecasts for the warehouse by hand.

September 2026 runs, and not all its invoices tie; August was closed with 2,200 and
is restated; July is locked. Every figure is small enough to add up on paper.
"""

from __future__ import annotations

DDL = """
create table cost.mart_period_states (billing_month varchar, state varchar,
  basis varchar, reason varchar, currency varchar, locked_billed_cost decimal(28,10),
  locked_effective_cost decimal(28,10), current_billed_cost decimal(28,10),
  current_effective_cost decimal(28,10), difference_billed_cost decimal(28,10),
  difference_effective_cost decimal(28,10), adjustment_count bigint, lock_id varchar,
  locked_at timestamp, locked_by varchar, approved_by varchar, content_hash varchar);
create table cost.mart_period_adjustments (locked_month varchar, booked_month varchar,
  lock_id varchar, kind varchar, source varchar, charge_date date, provider varchar,
  platform_id varchar, model_id varchar, feature_id varchar, team_id varchar,
  cost_center varchar, lifecycle_stage varchar, component varchar, pool_id varchar,
  currency varchar, billed_cost decimal(28,10), effective_cost decimal(28,10),
  locked_billed_cost decimal(28,10), locked_effective_cost decimal(28,10),
  current_billed_cost decimal(28,10), current_effective_cost decimal(28,10),
  is_in_ledger_of_booked_month boolean, nets_to_zero boolean, explanation varchar);
create table cost.mart_period_events (log_position bigint, occurred_at timestamp,
  event varchar, billing_month varchar, lock_id varchar, actor varchar,
  approver varchar, reason varchar, content_hash varchar, entry_hash varchar);
create table cost.mart_period_comments (log_position bigint, commented_at timestamp,
  billing_month varchar, prior_billing_month varchar, model_id varchar, author varchar,
  comment_text varchar, entry_hash varchar);
create table cost.mart_period_reconciliation (billing_month varchar, source varchar,
  state varchar, is_reconciled boolean, reason varchar);
create table cost.mart_invoice_reconciliation (billing_month varchar,
  invoice_issuer_name varchar, invoice_id varchar, source varchar, currency varchar,
  invoiced_amount decimal(28,10), ledger_billed_cost decimal(28,10),
  difference_amount decimal(28,10), explained_tax_amount decimal(28,10),
  explained_credit_amount decimal(28,10), explained_rounding_amount decimal(28,10),
  explained_exchange_amount decimal(28,10), explained_timing_amount decimal(28,10),
  explained_missing_line_amount decimal(28,10), explained_amount decimal(28,10),
  unexplained_amount decimal(28,10), tolerance_amount decimal(28,10), state varchar,
  matched_by varchar, missing_lines varchar, reason varchar);
create table cost.mart_accruals (billing_month varchar, invoice_issuer_name varchar,
  source varchar, currency varchar, state varchar, is_month_over boolean,
  as_of timestamp, method varchar, missing_day_count integer,
  run_rate_amount decimal(28,10), delivered_tax_amount decimal(28,10),
  accrual_amount decimal(28,10), accrual_amount_low decimal(28,10),
  accrual_amount_high decimal(28,10), backtest_month_count bigint,
  backtest_error_ratio double, coverage_ratio double, reason varchar,
  invoiced_amount decimal(28,10), is_in_interval boolean,
  booked_amount decimal(28,10), booked_amount_low decimal(28,10),
  booked_amount_high decimal(28,10), booked_method varchar, booked_as_of timestamp,
  booked_at timestamp, booked_by varchar, approved_by varchar,
  true_up_amount decimal(28,10));
create table cost.mart_commitment_burn_down (commitment_id varchar,
  billing_month varchar, commitment_name varchar, commitment_type varchar,
  source varchar, currency varchar, starts_on date, ends_on date, is_newest boolean,
  state varchar, known_until date, days_to_expiry integer,
  granted_amount decimal(28,10), used_amount decimal(28,10),
  used_to_date_amount decimal(28,10), lapsed_to_date_amount decimal(28,10),
  remaining_amount decimal(28,10), run_rate_amount_per_day decimal(28,10),
  forecast_used_amount decimal(28,10), at_risk_amount decimal(28,10),
  remaining_ratio double, at_risk_ratio double,
  unused_at_expiry_amount decimal(28,10), days_until_used_up double, reason varchar);
create table cost.mart_budget_variance (billing_month varchar, scope_type varchar,
  scope_id varchar, currency varchar, budget_amount decimal(28,10),
  actual_cost decimal(28,10), actual_billed_cost decimal(28,10),
  variance_amount decimal(28,10), variance_ratio double, actual_to_budget_ratio double,
  fiscal_year integer, budget_to_date_amount decimal(28,10),
  actual_to_date_cost decimal(28,10), is_estimated boolean, is_month_over boolean,
  state varchar, reason varchar);
create table cost.mart_cost_bridge (prior_billing_month varchar, billing_month varchar,
  basis varchar, currency varchar, model_id varchar, cost_line varchar, unit varchar,
  prior_quantity decimal(28,10), quantity decimal(28,10), prior_cost decimal(28,10),
  cost decimal(28,10), price_amount decimal(28,10), volume_amount decimal(28,10),
  mix_amount decimal(28,10), new_amount decimal(28,10), retired_amount decimal(28,10),
  fx_amount decimal(28,10), other_amount decimal(28,10),
  not_invoiced_amount decimal(28,10), change_amount decimal(28,10),
  reason varchar);
create table cost.mart_cost_forecasts (charge_date date, billing_month varchar,
  series varchar, model_id varchar, currency varchar, forecast_cost double,
  forecast_cost_low double, forecast_cost_high double, method varchar,
  last_complete_day date, backtest_origin_count integer, backtest_error_ratio double,
  naive_error_ratio double, coverage_ratio double);
create table cost.mart_cost_landings (landing varchar, period varchar, series varchar,
  model_id varchar, currency varchar, last_complete_day date,
  remaining_day_count integer, actual_cost decimal(28,10), landing_cost double,
  landing_cost_low double, landing_cost_high double, budget_amount decimal(28,10),
  budget_outlook varchar);
create table cost.fct_daily_service_costs (charge_date date, billing_month varchar,
  source varchar, provider varchar, service_name varchar, component varchar,
  currency varchar, billed_cost decimal(28,10), effective_cost decimal(28,10),
  is_estimated boolean);
create table cost.mart_cost_anomalies (series varchar, model_id varchar,
  source varchar, service_name varchar, currency varchar, first_day date,
  last_day date, day_count integer, expected_cost double, expected_cost_high double,
  actual_cost decimal(28,10), excess_cost double, status varchar, driver varchar,
  driver_subject varchar, driver_pool_id varchar, price_excess_cost double,
  volume_excess_cost double, new_resource_excess_cost double,
  new_resource_count integer, quantity_unit varchar, prior_unit_price double,
  unit_price double, prior_quantity double, quantity double);
"""

#: One invoice ties to a cent of rounding; one lacks a line of 20 and leaves 5.50; one
#: was never entered; one has no bill. A dollar invoice ties exactly.
_INVOICES = """
insert into cost.mart_invoice_reconciliation
select month, issuer, number, source, currency, invoiced, ledger,
  coalesce(invoiced, 0) - coalesce(ledger, 0), tax, credit, rounding, exchange, timing,
  line, tax + credit + rounding + exchange + timing + line,
  coalesce(invoiced, 0) - coalesce(ledger, 0)
    - (tax + credit + rounding + exchange + timing + line),
  1, state, null, lines, reason
from (values
  ('2026-09', 'AWS', 'A-9', 'aws', 'EUR', 2520.01, 2520.00, 0, 0, 0.01, 0, 0, 0,
   'reconciled', null, null),
  ('2026-09', 'Google Cloud', 'G-9', 'gcp', 'EUR', 285.75, 260.25, 0, 0, 0, 0, 0, 20,
   'not_reconciled', 'Support 20.00 EUR, only on the invoice',
   'Invoice and bill differ by 25.50 EUR, of which nothing explains 5.50.'),
  ('2026-09', 'Railway', null, 'railway', 'EUR', null, 120.00, 0, 0, 0, 0, 0, 0,
   'no_invoice', null, 'No invoice of Railway for 2026-09 was entered.'),
  ('2026-09', 'Mailer', 'M-9', 'register', 'EUR', 15.00, null, 0, 0, 0, 0, 0, 0,
   'no_ledger', null, 'No bill has a charge for invoice M-9 of Mailer.'),
  ('2026-09', 'OpenAI', 'O-9', 'openai', 'USD', 300.00, 300.00, 0, 0, 0, 0, 0, 0,
   'reconciled', null, null),
  ('2026-08', 'AWS', 'A-8', 'aws', 'EUR', 2200.00, 2200.00, 0, 0, 0, 0, 0, 0,
   'reconciled', null, null)
) as invoices (month, issuer, number, source, currency, invoiced, ledger, tax, credit,
  rounding, exchange, timing, line, state, lines, reason);
insert into cost.mart_period_reconciliation values
  ('2026-08', 'aws', 'reconciled', true, null),
  ('2026-09', 'aws', 'reconciled', true, null),
  ('2026-09', 'gcp', 'not_reconciled', false, '1 of 1 do not tie.'),
  ('2026-09', 'railway', 'estimated', false, '1 of 1 have no invoice.');
"""

#: September runs: Railway's 120 are expected, of which 20 for four missing days; of
#: Mailer nothing was delivered. August: 2,150 was booked, 2,200 invoiced: +50, inside.
#: July was invoiced outside its interval.
_ACCRUALS = """
insert into cost.mart_accruals by name
select month as billing_month, issuer as invoice_issuer_name, lower(issuer) as source,
  'EUR' as currency, state, month < '2026-09' as is_month_over,
  timestamp '2026-09-26' as as_of, method, missing as missing_day_count,
  pace as run_rate_amount, accrual as accrual_amount, accrual - half as
  accrual_amount_low, accrual + half as accrual_amount_high,
  5 as backtest_month_count, 0.04 as backtest_error_ratio, 0.75 as coverage_ratio,
  reason, invoiced as invoiced_amount, held as is_in_interval,
  booked as booked_amount, booked - 60 as booked_amount_low, booked + 60 as
  booked_amount_high, case when booked > 0 then 'bill' end as booked_method,
  case when booked > 0 then timestamp '2026-09-01' end as booked_as_of,
  case when booked > 0 then timestamp '2026-09-02 08:00' end as booked_at,
  case when booked > 0 then 'Ana Lima' end as booked_by,
  case when booked > 0 then 'Ben Okafor' end as approved_by,
  invoiced - booked as true_up_amount
from (values
  ('2026-09', 'Railway', 'to_accrue', 'price_and_usage_with_run_rate', 4, 20, 120, 5,
   null, null, null, null),
  ('2026-09', 'Mailer', 'to_accrue', null, null, null, null, null,
   'Nothing of the month was delivered.', null, null, null),
  ('2026-08', 'AWS', 'invoiced', 'bill', 0, 0, 0, null, null, 2200, true, 2150),
  ('2026-07', 'AWS', 'invoiced', 'bill', 0, 0, 0, null, null, 800, false, null)
) as rows (month, issuer, state, method, missing, pace, accrual, half, reason, invoiced,
  held, booked);
"""

#: Prepaid: 900 of 1,000 left, 100 used in 31 days; 92 days to December use 296.77, so
#: 603.23 are at risk. The plan of 500 expired with 200 unused; no bill has the grant.
_BURN_DOWN = """
insert into cost.mart_commitment_burn_down values
  ('pp', '2026-08', 'Prepaid API', 'prepaid', 'openai', 'USD', '2026-08-01',
   '2026-12-01', true, 'running', '2026-08-31', 92, 1000, 100, 100, 0, 900, 3.225806,
   396.774194, 603.225806, 0.9, 0.603225806, 603.225806, 279.0, null),
  ('sp', '2026-07', 'GPU plan', 'savings_plan', 'aws', 'EUR', '2026-07-01',
   '2026-08-01', true, 'expired', '2026-07-31', 0, 500, 300, 300, 200, 0, null, 300, 0,
   0, 0, 200, null, null),
  ('gr', '2026-08', 'Grant', 'credit_grant', 'azure', 'EUR', '2026-08-01',
   '2027-08-01', true, 'unknown', null, null, 50, null, null, null, null, null, null,
   null, null, null, null, null, 'The bill azure has no charges in EUR.');
"""

#: August: a credit of 12 came with September's bill; its own bill was delivered again
#: with 30 more, to be booked in September.
_MONTHS = """
insert into cost.mart_period_states values
  ('2026-07', 'locked', 'actual', 'Closed by Ana Lima, approved by Ben Okafor.', 'EUR',
   800, 800, 800, 800, 0, 0, 0, 'lock-7', '2026-08-09 08:15', 'Ana Lima', 'Ben Okafor',
   'aa11'),
  ('2026-08', 'restated', 'actual', 'Items that changed after it was closed: 1.',
   'EUR', 2200, 2200, 2230, 2230, 30, 30, 2, 'lock-8', '2026-09-09 09:00', 'Ana Lima',
   'Ben Okafor', 'bb22'),
  ('2026-09', 'open', 'to_date', 'The month is not over.', 'EUR', null, null, 3329,
   3299.0000000001, null, null, 0, null, null, null, null, null);
insert into cost.mart_period_adjustments by name
select '2026-08' as locked_month, '2026-09' as booked_month, 'lock-8' as lock_id, kind,
  'aws' as source, day as charge_date, component, model as model_id, 'EUR' as currency,
  amount as billed_cost, amount as effective_cost, was as locked_billed_cost,
  was as locked_effective_cost, was + amount as current_billed_cost,
  was + amount as current_effective_cost,
  billed as is_in_ledger_of_booked_month, false as nets_to_zero, why as explanation
from (values
  ('late_credit', date '2026-08-20', 'credit', null, -12, 0, true,
   'A credit for a day of the closed month, on the bill of 2026-09.'),
  ('restated_export', date '2026-08-15', 'direct', 'eta-v2', 30, 1000, false,
   'The bill of the closed month was delivered again after the close.')
) as items (kind, day, component, model, amount, was, billed, why);
insert into cost.mart_period_events values
  (3, '2026-08-09 08:15', 'closed', '2026-07', 'lock-7', 'Ana Lima', 'Ben Okafor',
   null, 'aa11', 'e3e3e3e3e3e3e3e3'),
  (7, '2026-09-07 10:00', 'closed', '2026-08', 'lock-6', 'Ana Lima', 'Ben Okafor',
   'Month end.', 'bb21', 'e7e7e7e7e7e7e7e7'),
  (8, '2026-09-08 11:30', 'reopened', '2026-08', 'lock-6', 'Ana Lima', null,
   'The GPU pool was divided wrongly.', 'bb21', 'e8e8e8e8e8e8e8e8'),
  (9, '2026-09-09 09:00', 'closed', '2026-08', 'lock-8', 'Ana Lima', 'Ben Okafor',
   null, 'bb22', 'e9e9e9e9e9e9e9e9');
"""

#: Everything: 2,699 of 900 in September is 199.9 % over, 2.999 times; cc-200 costs 640
#: of 1,000; ghost is named by no cost; old-v1 is stale.
_BUDGETS = """
insert into cost.mart_budget_variance
select month, scope_type, scope_id, 'EUR', budget, actual, actual, actual - budget,
  cast(actual - budget as double) / budget, cast(actual as double) / budget, 2026,
  to_date_budget, to_date_actual, month = '2026-09', month <> '2026-09', state, reason
from (values
  ('2026-09', 'all', 'all', 900, 2699, 2900, 4699, 'over', null),
  ('2026-09', 'cost_center', 'cc-200', 1000, 640, 1000, 640, 'running', null),
  ('2026-09', 'model', 'old-v1', 50, 0, 50, 0, 'stale', null),
  ('2026-09', 'team', 'ghost', 40, null, 40, null, 'unknown',
   'no cost names this team'),
  ('2026-08', 'all', 'all', 2000, 2000, 2000, 2000, 'within', null)
) as budgets (month, scope_type, scope_id, budget, actual, to_date_budget,
  to_date_actual, state, reason);
"""

#: The worked example of the bridge in the documentation, with 40 of exchange on chat
#: and idle beside it: 10,250 became 13,690.
_BRIDGE = """
insert into cost.mart_cost_bridge
select before, '2026-09', basis, 'EUR', model, line, unit, q0, q1, c0, c1, price,
  volume, mix, new, retired, fx, other, 0, c1 - c0, reason
from (values
  ('2026-08', 'effective', 'eta-v2', 'usage', 'input_tokens', 3000, 5000, 6000, 5500,
   -4500, 4285.71, -285.71, 0, 0, 0, 0, null),
  ('2026-08', 'effective', 'vision-v1', 'usage', 'input_tokens', 500, 1000, 4000, 7200,
   -800, 2857.14, 1142.86, 0, 0, 0, 0, null),
  ('2026-08', 'effective', 'chat-v1', 'usage', 'input_tokens', null, 10, 0, 940, 0, 0,
   0, 900, 0, 40, 0, null),
  ('2026-08', 'effective', 'old-v1', 'usage', 'input_tokens', 10, null, 250, 0, 0, 0, 0,
   0, -250, 0, 0, null),
  ('2026-08', 'effective', null, 'idle', null, null, null, 0, 50, 0, 0, 0, 0, 0, 0, 50,
   'no quantity belongs to this cost'),
  ('2026-07', 'effective', 'eta-v2', 'usage', null, null, null, 5000, 5500, 0, 0, 0, 0,
   0, 0, 500, 'no unit is metered in both months'),
  ('2026-08', 'billed', 'eta-v2', 'usage', null, null, null, 6000, 6001, 0, 0, 0, 0, 0,
   0, 1, 'no unit is metered in both months')
) as lines (before, basis, model, line, unit, q0, q1, c0, c1, price, volume, mix, new,
  retired, fx, other, reason);
"""

#: From 16 September: 14 days of 90 to the month's end, 70 to 110; of them eta-v2 60 and
#: small-4 10, of which too little is known for an interval.
_FORECASTS = """
insert into cost.mart_cost_forecasts
select cast(d as date), '2026-09', series, model, 'EUR', expected, low, high, method,
  '2026-09-15', origins, error, naive, coverage
from range(timestamp '2026-09-16', timestamp '2026-09-30', interval 1 day) as days(d),
(values
  ('total', null, 90, 70, 110, 'local_level', 26, 0.12, 0.2, 0.91),
  ('model', 'eta-v2', 60, 50, 70, 'weekday_median', 26, 0.1, 0.1, 0.88),
  ('model', 'small-4', 10, null, null, 'seasonal_naive', 0, null, null, null),
  ('unassigned', null, 20, 10, 30, 'damped_trend', 26, 0.4, 0.3, 0.95)
) as series (series, model, expected, low, high, method, origins, error, naive,
  coverage);
insert into cost.mart_cost_landings values
  ('month', '2026-09', 'total', null, 'EUR', '2026-09-15', 15, 2699, 4049, 3900, 4200,
   900, 'over'),
  ('month', '2026-09', 'model', 'eta-v2', 'EUR', '2026-09-15', 15, 1460, 2360, 2300,
   2420, null, 'no budget'),
  ('quarter', '2026-Q3', 'total', null, 'EUR', '2026-09-15', 15, 5499, 6849, 6700, 7000,
   7500, 'will be within');
"""

#: Each driver once: EC2 costs 3 x 70 instead of 3 x 50 for its dearer hours, a search
#: has doubled and stays so, a node appears, and of an API nobody can tell.
ANOMALIES = """
insert into cost.fct_daily_service_costs
select cast(d as date), strftime(d, '%Y-%m'), 'aws', 'AWS', 'EC2', 'direct', 'EUR',
  cost, cost, false
from (
  select d,
    case when d between '2026-09-08' and '2026-09-10' then 70 else 50 end as cost
  from range(timestamp '2026-08-11', timestamp '2026-09-16', interval 1 day) as days(d)
);
insert into cost.mart_cost_anomalies by name
select series, model as model_id, source, service as service_name, 'EUR' as currency,
  day as first_day, day + days - 1 as last_day, days as day_count, expected as
  expected_cost, expected * 1.1 as expected_cost_high, actual as actual_cost,
  actual - expected as excess_cost, status, driver, subject as driver_subject,
  pool as driver_pool_id, price as price_excess_cost, volume as volume_excess_cost,
  new as new_resource_excess_cost, count as new_resource_count,
  p0 as prior_unit_price, p1 as unit_price, q0 as prior_quantity, q1 as quantity
from (values
  ('service', null, 'aws', 'EC2', date '2026-09-08', 3, 150.0, 210, 'ended', 'price',
   'Node hours', null, 60.0, 0.0, 0.0, 0, 5.0, 7.0, 30.0, 30.0),
  ('model', 'eta-v2', null, null, date '2026-09-01', 14, 140.0, 280, 'new level',
   'volume', 'Search', 'vectors', 0.0, 135.0, 0.0, 0, 1.0, 1.0, 140.0, 280.0),
  ('unassigned', null, null, null, date '2026-09-12', 4, 40.0, 140, 'ongoing',
   'new_resource', 'arn:aws:1:node-7', null, 0.0, 0.0, 100.0, 2, null, null, null,
   null),
  ('model', 'small-4', null, null, date '2026-09-03', 1, 5.0, 25, 'ended', 'volume',
   'gpu', 'gpu', 0.0, 20.0, 0.0, 0, null, null, 0.1, 0.5),
  ('service', null, 'openai', null, date '2026-08-20', 2, 10.0, 40, 'ended', 'unknown',
   null, null, 0.0, 0.0, 0.0, 0, null, null, null, null)
) as found (series, model, source, service, day, days, expected, actual, status, driver,
  subject, pool, price, volume, new, count, p0, p1, q0, q1);
"""

#: Two people on September against August, one of them on a model alone; one on August.
COMMENTS = """
insert into cost.mart_period_comments values
  (4, '2026-09-02 08:00', '2026-08', null, null, 'Ana Lima',
   'Waiting for the credit of the outage.', 'c4c4c4c4c4c4c4c4'),
  (10, '2026-09-28 09:30', '2026-09', '2026-08', null, 'Ana Lima',
   'The tokens are the new assistant.', 'c10c10c10c10c10c'),
  (11, '2026-09-29 14:05', '2026-09', '2026-08', 'eta-v2', 'Ben Okafor',
   'Cheaper since <b>the move</b> to *spot*.', 'c11c11c11c11c11c');
"""

ROWS = (
    _INVOICES
    + _ACCRUALS
    + _BURN_DOWN
    + _MONTHS
    + _BUDGETS
    + _BRIDGE
    + _FORECASTS
    + ANOMALIES
    + COMMENTS
)
