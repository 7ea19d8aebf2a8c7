"""A build database whose marts of cost rest on line items that were made by hand.

The marts are views on the line items, so that a change of one shows wherever it would
show after a build. Whatever else a second half reads is there, too, and is small.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from triptych.core.spare_engines import database_in_spare_engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

#: A Monday.
FIRST_DAY = date(2026, 1, 5)
_WEEK = np.array([10.0, 11.0, 12.0, 13.0, 14.0, 5.0, 4.0])

_MARTS = """
CREATE SCHEMA core; CREATE SCHEMA cost; CREATE SCHEMA delivery; CREATE SCHEMA roi;
CREATE SCHEMA intermediate; CREATE SCHEMA control;
CREATE TABLE control.run AS SELECT 1 AS fiscal_year_start_month;
CREATE TABLE intermediate.int_line_items (
    source VARCHAR, service_name VARCHAR, model_id VARCHAR, feature_id VARCHAR,
    pool_id VARCHAR, component VARCHAR, charge_date DATE,
    charge_period_start TIMESTAMP, billing_month VARCHAR,
    sku_id VARCHAR, charge_description VARCHAR, resource_id VARCHAR,
    resource_name VARCHAR, consumed_unit VARCHAR, billing_currency VARCHAR,
    effective_cost DECIMAL(28, 10), consumed_quantity DECIMAL(28, 10),
    is_ai_cost BOOLEAN AS (component NOT IN ('tax', 'credit', 'out_of_scope')));
CREATE VIEW cost.fct_daily_model_costs AS
    SELECT source, charge_date, billing_month, billing_currency AS currency, model_id,
        feature_id, pool_id, component, is_ai_cost,
        CAST(sum(effective_cost) AS DECIMAL(28, 10)) AS effective_cost
    FROM intermediate.int_line_items GROUP BY ALL ORDER BY ALL;
CREATE VIEW cost.fct_daily_service_costs AS
    SELECT source, service_name, charge_date, billing_month,
        billing_currency AS currency, component, is_ai_cost,
        CAST(sum(effective_cost) AS DECIMAL(28, 10)) AS effective_cost
    FROM intermediate.int_line_items GROUP BY ALL ORDER BY ALL;
CREATE TABLE cost.mart_exchange_rates (
    billing_month VARCHAR, from_currency VARCHAR, to_currency VARCHAR,
    rate DECIMAL(18, 8));
CREATE TABLE roi.mart_platform_usage (
    platform_id VARCHAR, billing_month VARCHAR, effective_cost DECIMAL(28, 10),
    requests DECIMAL(28, 10), is_comparable_with_prior BOOLEAN);
CREATE TABLE delivery.mart_velocity_events (
    metric VARCHAR, event_kind VARCHAR, item_key VARCHAR, deployed_unit VARCHAR,
    model_id VARCHAR, feature_id VARCHAR, team_id VARCHAR, state VARCHAR,
    event_value DOUBLE, open_seconds DOUBLE, started_month VARCHAR,
    started_quarter VARCHAR, started_at TIMESTAMP);
CREATE TABLE core.mart_run AS SELECT 'EUR' AS currency;
CREATE TABLE core.dim_features (feature_id VARCHAR);
CREATE TABLE core.mart_assumptions (
    assumption_id VARCHAR, assumption_version VARCHAR, kind VARCHAR, feature_id VARCHAR,
    metric VARCHAR, assumed DOUBLE, assumed_low DOUBLE, assumed_high DOUBLE,
    unit VARCHAR, better VARCHAR, takes_margin BOOLEAN, is_cash BOOLEAN,
    amortised_months INTEGER, owner VARCHAR, evidence VARCHAR, approved_by VARCHAR,
    is_approved BOOLEAN, valid_from DATE, valid_to DATE);
"""
_CATALOGUE = """
CREATE SCHEMA catalogue;
CREATE TABLE catalogue.loads (load_id VARCHAR, stream VARCHAR, status VARCHAR);
CREATE TABLE catalogue.load_totals (load_id VARCHAR, billing_month VARCHAR);
"""


def noisy_weeks(level: float, seed: int, days: int) -> np.ndarray:
    """Return the cost of some days that follow a week, each a little off."""
    rng = np.random.default_rng(seed)
    return np.asarray(
        level * np.resize(_WEEK, days) * np.exp(rng.normal(0, 0.04, days))
    )


def write_cost_marts(folder: Path) -> Path:
    """Write ``build.duckdb`` and the catalogue ``raw.duckdb``, both without a cost."""
    database = folder / "build.duckdb"
    with database_in_spare_engine(database) as connection:
        connection.execute(_MARTS)
    with database_in_spare_engine(folder / "raw.duckdb") as connection:
        connection.execute(_CATALOGUE)
    return database


def add_model(
    database: Path,
    model_id: str | None,
    costs: Iterable[float],
    *,
    pool_id: str | None = None,
    service: str = "compute",
    first_day: date = FIRST_DAY,
) -> None:
    """Add the line items of a model: two resources a day, of one SKU each."""
    items = list(_items(model_id, pool_id, service, costs, first_day))
    with database_in_spare_engine(database) as connection:
        connection.register("made", pa.Table.from_pylist(items))
        connection.execute("INSERT INTO intermediate.int_line_items BY NAME FROM made")


def _items(
    model_id: str | None,
    pool_id: str | None,
    service: str,
    costs: Iterable[float],
    first_day: date,
) -> Iterator[dict[str, object]]:
    for number, cost in enumerate(costs):
        day = first_day + timedelta(days=number)
        for sku, share in (("hours", 0.75), ("storage", 0.25)):
            yield {
                "source": "aws",
                "service_name": service,
                "model_id": model_id,
                "pool_id": pool_id,
                "component": "usage",
                "charge_date": day,
                "charge_period_start": datetime.combine(day, time(hour=13)),
                "billing_month": f"{day:%Y-%m}",
                "sku_id": sku,
                "charge_description": f"{sku} of {service}",
                "resource_id": f"{model_id}-{sku}",
                "consumed_unit": "h",
                "billing_currency": "EUR",
                "effective_cost": round(cost * share, 6),
                "consumed_quantity": round(cost * share / 2, 6),
            }
