"""The SQL that dbt compiles from the models of the allocation, run over given rows.

Nothing is rewritten: the very statements of a real run are executed in memory, over
tables that have the columns of an empty workspace.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import duckdb

from tests.dbt.allocation_case import ALIASES, NODE_NAMES, POLICY_COMPONENTS
from triptych.core.knowledge.model_keys import parse_meter

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.dbt.allocation_case import Accelerator, Case, Charge, Compute, Usage
    from tests.dbt.dbt_commands import DbtCommands

#: What the models under test read, in place of what builds it.
INPUTS = (
    "intermediate.int_charges_owned",
    "intermediate.int_model_usage",
    "intermediate.int_model_names",
    "intermediate.int_accelerator_usage",
    "intermediate.int_compute_usage",
    "intermediate.int_node_names",
    "control.pools",
    "control.policies",
    "control.pool_percentages",
    "control.catalog_model_aliases",
)
#: The models under test, each after those it reads.
MODELS = (
    "int_pool_costs",
    "int_accelerator_readings",
    "int_compute_readings",
    "int_token_readings",
    "int_pool_direct_costs",
    "int_pool_meters",
    "int_pool_weights",
    "int_pool_kinds",
    "int_pool_kind_prices",
    "int_pool_weights_by_kind",
    "int_pool_costs_with_meter",
    "int_pool_shares",
    "int_pool_costs_allocated",
    "int_pool_costs_unallocated",
    "int_daily_pool_costs_live",
    "int_idle_costs_distributed",
    "int_costs_by_component",
)


class CompiledAllocation:
    """An engine in memory that holds the inputs and runs the models."""

    def __init__(self, dbt: DbtCommands) -> None:
        self._sql = dbt.compiled(MODELS)
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("ATTACH ':memory:' AS build")
        for schema in ("intermediate", "staging", "control"):
            self._connection.execute(f"CREATE SCHEMA build.{schema}")
        for table, columns in _columns(dbt).items():
            described = ", ".join(
                f'"{name}" {type_}' for name, type_ in columns.items()
            )
            self._connection.execute(f"CREATE TABLE build.{table} ({described})")

    def run(self, case: Case) -> None:
        """Build every model over the rows of a case."""
        self.run_rows(_rows(case))

    def run_rows(self, rows_by_table: dict[str, list[dict[str, object]]]) -> None:
        """Build every model over the given rows; other tables are empty."""
        for table in INPUTS:
            self._connection.execute(f"DELETE FROM build.{table}")
        for table, rows in rows_by_table.items():
            self._insert(table, rows)
        used = rows_by_table.get("intermediate.int_model_usage", [])
        self._insert("intermediate.int_model_names", _model_names(used))
        for name in MODELS:
            target = f"build.intermediate.{name}"
            self._connection.execute(
                f"CREATE OR REPLACE TABLE {target} AS {self._sql[name]}"
            )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query over ``build``."""
        return self._connection.execute(sql).fetchall()

    def _insert(self, table: str, rows: list[dict[str, object]]) -> None:
        if not rows:
            return
        values = ", ".join(
            "(" + ", ".join(_literal(value) for value in row.values()) + ")"
            for row in rows
        )
        names = ", ".join(rows[0])
        self._connection.execute(f"INSERT INTO build.{table} ({names}) VALUES {values}")


def _model_names(used: list[dict[str, object]]) -> list[dict[str, object]]:
    """Return the models that meters name, as a build reads them."""
    names = {str(row["provider_model"]) for row in used if row.get("provider_model")}
    parsed = {name: parse_meter(name) for name in sorted(names)}
    return [
        {"model_text": name, "model_key": model.key, "model_date": model.date}
        for name, model in parsed.items()
    ]


def _columns(dbt: DbtCommands) -> Mapping[str, Mapping[str, str]]:
    workspace = dbt.workspace
    columns: dict[str, dict[str, str]] = {table: {} for table in INPUTS}
    with duckdb.connect() as connection:
        connection.execute(f"ATTACH '{workspace.raw_database}' AS raw (READ_ONLY)")
        connection.execute(f"ATTACH '{workspace.build_database}' AS build (READ_ONLY)")
        rows = connection.execute(
            "SELECT schema_name || '.' || table_name, column_name, data_type"
            " FROM duckdb_columns() WHERE database_name = 'build'"
            " ORDER BY column_index"
        ).fetchall()
    for table, column, type_ in rows:
        if table in columns:
            columns[table][column] = type_
    return columns


def _rows(case: Case) -> dict[str, list[dict[str, object]]]:
    return {
        "intermediate.int_charges_owned": [_charge(charge) for charge in case.charges],
        "intermediate.int_model_usage": [_usage(usage) for usage in case.usage],
        "intermediate.int_accelerator_usage": [
            _accelerators(reading) for reading in case.accelerators
        ],
        "intermediate.int_compute_usage": [
            _compute(reading) for reading in case.compute
        ],
        "intermediate.int_node_names": [
            {"provider_id": provider_id, "node_id": node}
            for provider_id, node in NODE_NAMES.items()
        ],
        "control.pools": [
            *(_pool(p.name, p.driver, p.idle, p.component) for p in case.pools),
            *(
                _pool(f"__{component}__", "direct_cost", "show", component)
                for component in sorted(case.distributed)
            ),
        ],
        "control.policies": [
            _policy(case, component) for component in POLICY_COMPONENTS
        ],
        "control.pool_percentages": [
            {"pool_id": pool, "model_id": model, "percentage": percentage}
            for pool, model, percentage in case.percentages
        ],
        "control.catalog_model_aliases": [
            {"alias": alias, "model_id": model} for alias, model in _aliases()
        ],
    }


def _charge(charge: Charge) -> dict[str, object]:
    is_monthly = charge.interval == "month"
    started_at = charge.started_at.replace(day=1) if is_monthly else charge.started_at
    return {
        "billing_month": charge.started_at.strftime("%Y-%m"),
        "charge_date": charge.started_at.date(),
        "allocation_interval": charge.interval,
        "interval_started_at": started_at,
        "source": charge.source,
        "currency": charge.currency,
        "component": charge.component,
        "assignment_method": "tag",
        "is_missing_rate": False,
        "model_id": charge.model,
        "team_id": charge.team,
        "pool_id": charge.pool,
        "billed_cost": charge.billed_cost,
        "effective_cost": charge.effective_cost,
    }


def _usage(usage: Usage) -> dict[str, object]:
    return {
        "model_id": usage.model,
        "pool_id": usage.pool,
        "period_start": usage.started_at,
        "gpu_hours": usage.gpu_hours,
        "cpu_core_hours": usage.core_hours,
        "memory_gibibyte_hours": usage.gibibyte_hours,
        "requests": usage.requests,
        "input_tokens": usage.input_tokens,
    }


def _accelerators(reading: Accelerator) -> dict[str, object]:
    return {
        **_place(reading),
        "capacity_gpu_hours": reading.capacity,
        "requested_gpu_hours": reading.requested,
        "used_gpu_hours": reading.used,
    }


def _compute(reading: Compute) -> dict[str, object]:
    quantities = {
        "capacity": reading.capacity,
        "requested": reading.requested,
        "used": reading.used,
    }
    units = ("cpu_core_hours", "memory_gibibyte_hours")
    hours: dict[str, object] = {
        f"{quantity}_{unit}": amount
        for quantity, pair in quantities.items()
        for unit, amount in zip(units, pair, strict=True)
    }
    return _place(reading) | hours


def _place(reading: Accelerator | Compute) -> dict[str, object]:
    return {
        "source": reading.meter,
        "model_id": reading.model,
        "pool_id": reading.pool,
        "node_id": reading.node,
        "period_start": reading.started_at,
    }


def _policy(case: Case, component: str) -> dict[str, object]:
    is_kept = component != "unused_commitment" or case.keeps_unused_owner
    return {
        "component": component,
        "pool_id": f"__{component}__",
        "is_distributed": component in case.distributed,
        "keeps_owner": is_kept,
    }


def _pool(name: str, driver: str, idle: str, component: str) -> dict[str, object]:
    return {
        "pool_id": name,
        "driver": driver,
        "idle_policy": idle,
        "component": component,
    }


def _aliases() -> Iterable[tuple[str, str]]:
    yield from ALIASES.items()
    yield from ((model, model) for model in sorted(set(ALIASES.values())))


def _literal(value: object) -> str:
    match value:
        case None:
            return "NULL"
        case bool():
            return str(value)
        case Decimal():
            return f"{value:f}"
        case datetime():
            return f"TIMESTAMP '{value.isoformat(sep=' ')}'"
    return f"'{value}'"
