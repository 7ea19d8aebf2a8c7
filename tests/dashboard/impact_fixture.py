"""Seven studies by hand, one for each way in which a study can end.

An increase (roll-out, grade B), a decrease (roll-out, B), no effect detected (one
series, C, with its parts), an inconclusive experiment, a refusal with its break-even, a
failure, and an exploratory increase without a relative effect.
"""

from __future__ import annotations

DDL = """
create schema attribution;
create table attribution.studies (study_id varchar, feature_id varchar,
  outcome varchar, outcome_unit varchar, period varchar, launch_date date,
  window_start date, window_end date, as_of_date date, declared_design varchar,
  design varchar, status varchar, grade varchar, grade_reasons varchar, state varchar,
  verdict varchar, decision_level double, decision_text varchar, minimum_effect double,
  minimum_detectable_effect double, refusal_code varchar, refusal_message varchar,
  what_would_fix_it varchar, break_even_effect double, treated_unit_count integer,
  comparison_unit_count integer, period_count_before integer,
  period_count_after integer, estimand_text varchar, design_log varchar, notes varchar,
  other_launches varchar, calibration varchar, plan varchar, plan_hash varchar,
  data_hash varchar, seed bigint, method_version varchar, unbounded_draw_ratio double,
  registered_at timestamp, registered_by varchar, is_exploratory boolean);
create table attribution.estimates (study_id varchar, estimand varchar,
  design varchar, grade varchar, status varchar, refusal_code varchar, effect double,
  effect_low_50 double, effect_high_50 double, effect_low_90 double,
  effect_high_90 double, effect_low_95 double, effect_high_95 double,
  relative_effect double, relative_effect_low_90 double,
  relative_effect_high_90 double, probability_positive double, p_value double,
  unit varchar, plan_hash varchar, data_hash varchar, seed bigint,
  is_exploratory boolean);
create table attribution.checks (study_id varchar, check_order integer,
  check_name varchar, status varchar, statistic double, threshold varchar, why varchar,
  picture varchar);
create table attribution.counterfactuals (study_id varchar, effect_date date,
  is_post boolean, observed double, counterfactual double,
  counterfactual_low_90 double, counterfactual_high_90 double, effect double,
  effect_low_90 double, effect_high_90 double, cumulative_effect double,
  cumulative_effect_low_90 double, cumulative_effect_high_90 double);
create table attribution.contributions (study_id varchar, factor_order integer,
  factor varchar, kind varchar, contribution double, contribution_low_90 double,
  contribution_high_90 double, robustness_value double, unit varchar);
create table attribution.sensitivity (study_id varchar, kind varchar,
  variant_order integer, variant varchar, is_declared boolean, effect double,
  effect_low_90 double, effect_high_90 double, refusal_code varchar);
"""

_CARD = (
    '{"rows": [{"coverage_90": 0.895, "coverage_95": 0.95, "method": "recommended",'
    ' "replications": 200, "world": "15 units"}, {"coverage_90": 0.45,'
    ' "coverage_95": 0.61, "method": "two-way fixed effects", "replications": 200,'
    ' "world": "15 units"}], "missed_bars": [], "summary": "in 6 simulated worlds (200'
    ' panels each) its 90 % interval held the truth 90% to 98% of times"}'
)
_REFUSED = (
    "'season_not_covered', '0.4 years were seen before the launch, and the window is"
    " longer than a month', 'Use a year of history, or declare a seasonal control.'"
)

ROWS = f"""
insert into attribution.studies by name
select study as study_id, feature as feature_id, outcome, unit as outcome_unit,
  'day' as period, date '2026-06-01' as launch_date, date '2025-06-01' as window_start,
  date '2026-10-01' as window_end, date '2026-09-29' as as_of_date,
  'auto' as declared_design, design, status, grade, reasons as grade_reasons, state,
  verdict, 0.9 as decision_level, rule as decision_text, least as minimum_effect,
  found as minimum_detectable_effect, code as refusal_code, message as refusal_message,
  remedy as what_would_fix_it, pays as break_even_effect, treated as treated_unit_count,
  compared as comparison_unit_count, 365 as period_count_before,
  121 as period_count_after, 'Effect on the treated.' as estimand_text,
  'Were units assigned at random? No.' as design_log, '' as notes,
  launches as other_launches, card as calibration, plan, repeat('a', 64) as plan_hash,
  repeat('b', 64) as data_hash, 7 as seed, '1' as method_version,
  0.0 as unbounded_draw_ratio,
  case when state = 'EXPLORATORY' then null
    else timestamp '2026-05-20 09:30' end as registered_at,
  case when state = 'EXPLORATORY' then null else 'Ana Lima' end as registered_by,
  state <> 'REGISTERED' as is_exploratory
from (values
  ('eta-revenue', 'eta', 'revenue_per_depot_day', 'EUR', 'staggered_adoption',
   'estimated', 'B', 'staggered_adoption is B at best.', 'REGISTERED', 'positive',
   'keep it if the interval is above zero', 200.0, 380.0, null, null, null, 500000.0,
   16, 8, '2026-07-10 new price list', '{_CARD}',
   '{{"rollout": {{"depot-01": "2026-06-01", "depot-02": "2026-06-15"}},
     "controls": [], "better": "higher"}}'),
  ('camera-on-time', 'camera', 'on_time_rate', 'ratio', 'staggered_adoption',
   'estimated', 'B', 'staggered_adoption is B at best.', 'REGISTERED', 'negative', '',
   0.01, 0.006, null, null, null, null, 12, 8, '', '{_CARD}',
   '{{"better": "higher"}}'),
  ('route-parcels', 'route-optimiser', 'parcels_per_day', 'parcels',
   'counterfactual_series', 'estimated', 'C',
   'counterfactual_series is C at best.' || chr(10)
     || 'placebo_in_time failed: C at most. 6 placebo launches show effects.',
   'REGISTERED', 'no_effect_detected', '',
   2000.0, 1500.0, null, null, null, null, 1, 0, '', '{_CARD}',
   '{{"controls": ["price_index"]}}'),
  ('chat-handling', 'chat', 'handling_minutes', 'minutes', 'experiment', 'estimated',
   'A', 'experiment is A at best.', 'REGISTERED', 'inconclusive', '', 2.0, 6.0, null,
   null, null, null, 0, 600, '', '', '{{"assignment": {{"column": "arm"}}}}'),
  ('invoice-minutes', 'invoice-reading', 'minutes_per_document', 'minutes', null,
   'refused', 'X', null, 'REGISTERED', 'refused', '', 1.0, null, {_REFUSED}, 12500.0,
   1, 0, '', null, '{{}}'),
  ('parcels-again', 'route-optimiser', 'parcels_per_day', 'parcels', null, 'failed',
   'X', null, 'REGISTERED', 'failed', '', null, null, null, 'LinAlgError: singular',
   'Report the message; other studies are not affected.', null, null, null, '', null,
   '{{}}'),
  ('eta-later', 'eta', 'orders', 'orders', 'counterfactual_series', 'estimated', 'C',
   'counterfactual_series is C at best.' || chr(10)
     || 'cusum: one step down. Errors of the history add up.', 'EXPLORATORY',
   'positive', '', null, 3.0, null, null, null, null, 1, 0, '', '{_CARD}', '{{}}')
) as t(study, feature, outcome, unit, design, status, grade, reasons, state, verdict,
  rule, least, found, code, message, remedy, pays, treated, compared, launches, card,
  plan);

insert into attribution.estimates by name
select study as study_id, estimand, design, grade, status, refusal_code,
  effect * size as effect, (effect - half / 4) * size as effect_low_50,
  (effect + half / 4) * size as effect_high_50, (effect - half) * size as effect_low_90,
  (effect + half) * size as effect_high_90,
  (effect - half * 1.2) * size as effect_low_95,
  (effect + half * 1.2) * size as effect_high_95, relative as relative_effect,
  relative - margin as relative_effect_low_90,
  relative + margin as relative_effect_high_90, chance as probability_positive,
  null::double as p_value, outcome_unit as unit, plan_hash, data_hash, seed,
  is_exploratory
from (values
  ('eta-revenue', 1050.0, 250.0, 0.041, 0.009, 0.99999),
  ('camera-on-time', -0.015, 0.004, -0.016, 0.004, 0.0001),
  ('route-parcels', 150.0, 900.0, 0.0036, 0.022, 0.61),
  ('chat-handling', -0.2, 3.8, -0.014, 0.27, 0.46),
  ('invoice-minutes', null, null, null, null, null),
  ('parcels-again', null, null, null, null, null),
  ('eta-later', 6.0, 5.0, null, null, 0.975)
) as t(study, effect, half, relative, margin, chance)
join attribution.studies on study_id = study
cross join (values ('average', 1), ('total', 1000)) as e(estimand, size);
update attribution.estimates
set effect_high_90 = 'infinity', effect_high_95 = 'infinity'
where study_id = 'eta-later' and estimand = 'total';

insert into attribution.checks values
  ('eta-revenue', 1, 'pre_trends', 'pass', 0.4, 'fail below p = 0.05',
   'Before treatment the difference was 12 (p = 0.400).', '{{"lead": [1, 2]}}'),
  ('eta-revenue', 2, 'placebo_in_unit', 'pass', 0.02, 'warn above p = 0.1',
   'Of 5 placebos, 2.0% are as extreme, as the interval says.',
   '{{"placebo": [-210.5, -90, 15, 120, 180]}}'),
  ('eta-revenue', 3, 'contested_window', 'warn', 1, 'warn for any',
   'new price list began within 39 days of the launch: what is measured is both.',
   '{{}}'),
  ('eta-revenue', 4, 'season_coverage', 'not run', null, 'a year', 'It does not apply.',
   '{{}}'),
  ('camera-on-time', 1, 'pre_trends', 'pass', 0.7, 'fail below p = 0.05',
   'Before treatment the difference was 0.0001 (p = 0.700).', '{{}}'),
  ('route-parcels', 1, 'placebo_in_time', 'fail', 3.4, 'fail above 3',
   '6 placebo launches of 90 periods show effects of 1.84 standard deviations.',
   '{{"z": [1.2, -2.4, 2.1, 0.4, -1.9, 2.2]}}');

insert into attribution.counterfactuals
select 'eta-revenue', date '2026-05-30' + cast(day as integer), day >= 2,
  case when day >= 2 then 26000 + 1000 * day else 25000 end,
  case when day >= 2 then 25000 + 1000 * day end,
  case when day >= 2 then 24800 + 1000 * day end,
  case when day >= 2 then 25200 + 1000 * day end,
  case when day >= 2 then 1000 end, case when day >= 2 then 800 end,
  case when day >= 2 then 1200 end, case when day >= 2 then 1000 * (day - 1) end,
  case when day >= 2 then 900 * (day - 1) end,
  case when day >= 2 then 1100 * (day - 1) end
from range(6) as days(day);

insert into attribution.contributions values
  ('route-parcels', 1, 'price', 'driver', 1800, 1200, 2400, 0.31, 'parcels'),
  ('route-parcels', 2, 'redesign and optimiser', 'joint', 650, -100, 1400, 0.05,
   'parcels'),
  ('route-parcels', 3, 'season', 'season', -450, -700, -200, null, 'parcels'),
  ('route-parcels', 4, 'total', 'total', 2000, 1500, 2500, null, 'parcels');

insert into attribution.sensitivity values
  ('eta-revenue', 'specification', 1, 'as declared', true, 1050, 800, 1300, null),
  ('eta-revenue', 'specification', 2, 'not yet treated only', false, 990, 700, 1280,
   null),
  ('eta-revenue', 'window', 3, 'half the history', false, 1120, 760, 1480, null),
  ('eta-revenue', 'leave_one_out', 4, 'without depot-01', false, 1010, 750, 1270, null),
  ('eta-revenue', 'second_opinion', 5, 'group-time effects', false, 1080, 790, 1370,
   null),
  ('eta-revenue', 'window', 6, 'a month of history', false, null, null, null,
   'pre_period_too_short');
"""
