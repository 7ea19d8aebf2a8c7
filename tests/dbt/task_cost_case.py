"""The SQL that dbt compiles from the models of task costs, run over given rows."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tests.dbt.dbt_commands import DbtCommands

    Row = Mapping[str, Any]

#: What the models under test read, in place of what builds it.
INPUTS = (
    "staging.stg_llm_usage",
    "cost.fct_daily_model_costs",
    "cost.mart_model_unit_costs",
    "intermediate.int_model_readings",
    "intermediate.int_charges_owned",
    "intermediate.int_reporting_moment",
    "control.catalog_model_aliases",
)
#: The models under test, each after those it reads.
MODELS = {
    "int_task_readings": "intermediate",
    "int_task_attempts": "intermediate",
    "int_task_weights": "intermediate",
    "int_task_shares": "intermediate",
    "int_task_costs": "intermediate",
    "mart_task_costs": "cost",
}
AS_OF = datetime(2026, 3, 31)  # noqa: DTZ001  (UTC throughout)


class TaskCosts:
    """An engine in memory that holds the inputs and runs the models."""

    def __init__(self, dbt: DbtCommands) -> None:
        sql = dbt.compiled(MODELS)
        self._connection = duckdb.connect(config={"threads": 1})
        self._connection.execute("ATTACH ':memory:' AS build")
        for schema in ("intermediate", "staging", "control", "cost"):
            self._connection.execute(f"CREATE SCHEMA build.{schema}")
        for table in INPUTS:
            columns = ", ".join(f'"{n}" {t}' for n, t in _columns(dbt, table))
            self._connection.execute(f"CREATE TABLE build.{table} ({columns})")
        for name, schema in MODELS.items():
            kind = "VIEW" if schema == "intermediate" else "TABLE"
            self._connection.execute(
                f"CREATE {kind} build.{schema}.{name} AS {sql[name]}"
            )
        self._mart = sql["mart_task_costs"]

    def run(self, rows_by_table: Mapping[str, Sequence[Row]]) -> list[dict[str, Any]]:
        """Return the mart over given rows; other tables are empty."""
        moment = {"intermediate.int_reporting_moment": [{"as_of": AS_OF}]}
        for table in INPUTS:
            self._connection.execute(f"DELETE FROM build.{table}")
            self._insert(table, {**moment, **rows_by_table}.get(table, ()))
        return self.query(self._mart)

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query over ``build``."""
        answer = self._connection.execute(sql)
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def _insert(self, table: str, rows: Iterable[Row]) -> None:
        for row in rows:
            places = ", ".join("?" for _ in row)
            names = ", ".join(row)
            self._connection.execute(
                f"INSERT INTO build.{table} ({names}) VALUES ({places})",
                list(row.values()),
            )


def _columns(dbt: DbtCommands, table: str) -> list[tuple[str, str]]:
    """Return names and types of a table's columns in an empty workspace."""
    with duckdb.connect() as connection:
        workspace = dbt.workspace
        connection.execute(f"ATTACH '{workspace.raw_database}' AS raw (READ_ONLY)")
        connection.execute(f"ATTACH '{workspace.build_database}' AS build (READ_ONLY)")
        described = connection.execute(f"DESCRIBE build.{table}").fetchall()
    return [(row[0], row[1]) for row in described]


def span(model: str, day: datetime, **fields: object) -> dict[str, Any]:
    """Return a row of spans; without more, a request of 100 tokens in and 10 out."""
    row: dict[str, Any] = {
        "source": "spans",
        "reported_by": "gateway",
        "model_id": model,
        "usage_date": day.date(),
        "metered_at": day,
        "requests": 1,
        "seen_requests": 1,
        "input_tokens": 100,
        "output_tokens": 10,
    }
    return row | fields


def cost(model: str, day: datetime, amount: object, **fields: object) -> dict[str, Any]:
    """Return a row of the daily ledger, the same on both bases."""
    row: dict[str, Any] = {
        "charge_date": day.date(),
        "billing_month": f"{day:%Y-%m}",
        "model_id": model,
        "currency": "EUR",
        "component": "direct",
        "billed_cost": amount,
        "effective_cost": amount,
        "is_ai_cost": True,
    }
    return row | fields


def reading(model: str, day: datetime, **fields: object) -> dict[str, Any]:
    """Return what a meter counts of a model on a day."""
    row: dict[str, Any] = {
        "source": "vendor",
        "is_counted_by_vendor": True,
        "model_id": model,
        "metered_date": day.date(),
        "last_metered_date": day.date(),
    }
    return row | fields
