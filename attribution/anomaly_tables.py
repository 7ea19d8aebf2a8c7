"""Columns of what explains an anomaly: where they are told, and where they are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Column → type.
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
