"""Columns shared by two tables: the published and the kept table."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Explanation of an anomaly: column → type.
DRIVER_COLUMNS: Mapping[str, str] = {
    "driver": "VARCHAR",
    "driver_subject": "VARCHAR",
    "driver_pool_id": "VARCHAR",
    "price_excess_cost": "DOUBLE",
    "volume_excess_cost": "DOUBLE",
    "new_resource_excess_cost": "DOUBLE",
    "new_resource_count": "INTEGER",
    "quantity_unit": "VARCHAR",
    "prior_unit_price": "DOUBLE",
    "unit_price": "DOUBLE",
    "prior_quantity": "DOUBLE",
    "quantity": "DOUBLE",
}
#: Growth of the bill of a platform: column → type.
ELASTICITY_COLUMNS: Mapping[str, str] = {
    "platform_id": "VARCHAR",
    "elasticity": "DOUBLE",
    "elasticity_low_90": "DOUBLE",
    "elasticity_high_90": "DOUBLE",
    "period_count": "BIGINT",
    "unknown_period_count": "BIGINT",
    "usage_ratio": "DOUBLE",
    "intercept": "DOUBLE",
    "scale": "VARCHAR",
    "reason_code": "VARCHAR",
    "reason": "VARCHAR",
    "way_out": "VARCHAR",
}
