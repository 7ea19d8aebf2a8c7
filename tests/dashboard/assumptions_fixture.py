"""The register of assumptions in the warehouse by hand: three, and an older version."""

from __future__ import annotations

DDL = """
create table core.mart_assumptions (assumption_id varchar, assumption_version varchar,
  kind varchar, feature_id varchar, metric varchar, assumed double,
  assumed_low double, assumed_high double, unit varchar, better varchar,
  takes_margin boolean, is_cash boolean, amortised_months integer, owner varchar,
  evidence varchar, approved_by varchar, is_approved boolean, valid_from date,
  valid_to date);
insert into core.mart_assumptions values
  ('minute', 'aaaaaaaaaaaa', 'conversion', 'eta', 'minutes', 0.065, 0.05, 0.095,
   'EUR/minute', 'less', false, false, null, 'Head of care', 'Payroll of 2026',
   'Head of controlling', true, '2026-06-01', null),
  ('minute', 'bbbbbbbbbbbb', 'conversion', 'eta', 'minutes', 0.06, 0.05, 0.07,
   'EUR/minute', 'less', false, false, null, 'Head of care', 'Payroll of 2025',
   'Head of controlling', true, '2025-01-01', '2026-06-01'),
  ('hurdle', 'cccccccccccc', 'hurdle_rate', 'all', null, 0.15, null, null, 'ratio',
   null, null, null, null, 'Treasury', 'Board of 2025', 'Chief financial officer', true,
   '2025-01-01', null),
  ('=wish', 'dddddddddddd', 'conversion', 'chat', 'calls', 12.5, null, null,
   'EUR/call', 'less', false, false, null, 'Care AI', '=HYPERLINK("x")', null, false,
   '2025-01-01', null);
"""
