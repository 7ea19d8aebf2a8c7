"""What explains figures, for the warehouse by hand: its marts, over three models."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb

from triptych.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

_ROWS = """
create table lineage.models (position integer, model_name varchar,
  schema_name varchar, materialization varchar, is_public boolean, sql varchar,
  description varchar, grain varchar, never_added_over varchar[], upstream varchar[],
  sources varchar[]);
create table lineage.model_columns (position integer, model_name varchar,
  column_name varchar, description varchar, formula varchar, numerator varchar,
  denominator varchar);
create table lineage.loads (load_id varchar, source varchar, stream varchar,
  label varchar, loaded_at timestamp, row_count bigint, quarantined_row_count bigint,
  checksums varchar[], origins varchar[]);
create table lineage.load_months (load_id varchar, billing_month varchar);
insert into lineage.models values
  (0, 'stg_focus__charges', 'staging', 'view', false, 'select 1', 'Charges.',
   'one row per line item', [], [], ['evidence.focus']),
  (1, 'int_charges', 'intermediate', 'view', false, 'select 2', 'All charges.',
   'one row per line item', [], ['stg_focus__charges'], []),
  (2, 'int_usage', 'intermediate', 'view', false, 'select 3', 'What was served.',
   'one row per day', [], [], ['evidence.model_usage']),
  (3, 'fct_daily_model_costs', 'cost', 'table', true, 'select 4', 'AI spend by day.',
   'one row per day, model and component', [], ['int_charges', 'int_usage'], []),
  (4, 'mart_cost_waterfall', 'cost', 'table', true, 'select 5', 'From bills to models.',
   'one row per month, source and step', ['step'],
   ['fct_daily_model_costs', 'int_charges'], []),
  (5, 'mart_feature_roi', 'roi', 'table', true, 'select 6', 'What features returned.',
   'one row per feature and window', [], ['fct_daily_model_costs'], []),
  (6, 'mart_platform_pivot_costs', 'roi', 'table', true, 'select 7', 'Costs of moves.',
   'one row per move', [], ['fct_daily_model_costs'], []);
insert into lineage.loads values
  ('l1', 'aws', 'focus', 'september.csv', '2026-09-30 05:00', 40, 2, ['ab12'], []),
  ('l2', 'aws', 'focus', 'august.csv', '2026-08-31 05:00', 30, 0, ['cd34'], []);
insert into lineage.model_columns
select column_index, table_name, column_name, 'Describes ' || column_name || '.',
  case column_name when 'effective_cost' then 'Sum of charges.' end, null, null
from duckdb_columns() where schema_name in ('cost', 'roi') and not internal
  and table_name in (select model_name from lineage.models);
"""


def add_lineage(root: Path) -> None:
    """Add what explains figures to what is published in a workspace."""
    path = PublishedReader(root).current_path()
    path.chmod(0o644)
    with duckdb.connect(str(path)) as connection:
        connection.execute(_ROWS)
