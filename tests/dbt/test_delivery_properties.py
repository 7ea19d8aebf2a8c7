"""The same events, delivered twice, shuffled and late, make the same marts.

The compiled SQL of the models is run in memory, over the cases of ``tests/e2e``.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.e2e.cases.delivery_case import STREAMS
from tests.layers import examples

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.dbt.dbt_commands import DbtCommands

#: The models under test, each after those it reads.
MODELS = {
    **{
        f"stg_delivery__{stream}": "staging"
        for stream in (
            *("commits", "deployments", "headcount", "incidents", "model_versions"),
            *("promotions", "survey_responses", "training_runs", "worklogs"),
        )
    },
    "int_names_and_owners": "intermediate",
    "int_deployments_folded": "intermediate",
    "int_deployments_resolved": "intermediate",
    "int_deployments_sequenced": "intermediate",
    "int_deployments_classified": "intermediate",
    "int_deployment_recoveries": "intermediate",
    "int_changes_deployed": "intermediate",
    "int_incidents_folded": "intermediate",
    "int_incident_causes": "intermediate",
    "int_promotion_events": "intermediate",
    "int_promotions_folded": "intermediate",
    "int_training_runs_owned": "intermediate",
    "int_versions_registered": "intermediate",
    "int_survey_cells": "intermediate",
    "int_worklogs_owned": "intermediate",
    "int_worked_days": "intermediate",
    "int_team_groups": "intermediate",
    "fct_deployments": "delivery",
    "fct_changes": "delivery",
    "fct_incidents": "delivery",
    "fct_training_runs": "delivery",
    "fct_promotions": "delivery",
    "fct_model_versions": "delivery",
    "int_release_iterations": "intermediate",
    "mart_velocity_events": "delivery",
    "int_deployments_by_day": "intermediate",
    "int_deployments_by_month": "intermediate",
    "mart_deployment_weeks": "delivery",
    "int_velocity_by_month": "intermediate",
    "mart_velocity": "delivery",
    "mart_velocity_quarters": "delivery",
    "int_velocity_windows": "intermediate",
    "int_velocity_wider_scopes": "intermediate",
    "mart_velocity_windows": "delivery",
    "mart_satisfaction": "delivery",
}
PUBLIC = [name for name, schema in MODELS.items() if schema == "delivery"]
CONTROL = (
    "INSERT INTO build.control.delivery_rules VALUES ('Europe/Berlin', 7, 24, 5)",
    "INSERT INTO build.control.production_environments VALUES ('production')",
    "INSERT INTO build.control.production_aliases VALUES ('champion')",
    "INSERT INTO build.control.identities (kind, name, team_id)"
    " VALUES ('service', 'multi-a', 'crew'), ('service', 'multi-b', 'crew')",
    "INSERT INTO build.intermediate.int_reporting_moment"
    " (as_of, fiscal_year_start_month) VALUES (TIMESTAMP '2026-06-01', 1)",
)


class CompiledDelivery:
    """An engine in memory that holds events and runs the models."""

    def __init__(self, dbt: DbtCommands) -> None:
        self._sql = dbt.compiled(MODELS)
        self._connection = duckdb.connect(config={"threads": 1})
        self._attach("build", dbt.workspace.build_database)
        self._attach("raw", dbt.workspace.raw_database)
        for statement in CONTROL:
            self._connection.execute(statement)

    def _attach(self, database: str, path: object) -> None:
        """Make empty tables of what the models read, with the columns it has."""
        asked = self._connection
        asked.execute(f"ATTACH '{path}' AS built (READ_ONLY)")
        asked.execute(f"ATTACH ':memory:' AS {database}")
        wanted = {
            "build": ("control", "intermediate.int_reporting_moment"),
            "raw": ("evidence",),
        }[database]
        for schema in ("control", "evidence", "staging", "intermediate", "delivery"):
            asked.execute(f"CREATE SCHEMA {database}.{schema}")
        tables: dict[tuple[str, str], list[str]] = {}
        for schema, table, column, type_ in asked.execute(
            "SELECT schema_name, table_name, column_name, data_type"
            " FROM duckdb_columns() WHERE database_name = 'built'"
            " ORDER BY table_name, column_index"
        ).fetchall():
            if {schema, f"{schema}.{table}"} & set(wanted):
                tables.setdefault((schema, table), []).append(f'"{column}" {type_}')
        for (schema, table), columns in tables.items():
            described = ", ".join(columns)
            asked.execute(f"CREATE TABLE {database}.{schema}.{table} ({described})")
        asked.execute("DETACH built")

    def marts(
        self, streams: Mapping[str, Sequence[dict[str, Any]]]
    ) -> dict[str, list[tuple[Any, ...]]]:
        """Return the rows of every public mart over these events, sorted."""
        for stream, rows in streams.items():
            self._connection.execute(f"DELETE FROM raw.evidence.{stream}")
            for number, row in enumerate(rows):
                # A later place in the list is a later load.
                whole = {**row, "_source": stream, "_load_id": f"{number:06}"}
                named = ", ".join(whole)
                marks = ", ".join("?" for _ in whole)
                self._connection.execute(
                    f"INSERT INTO raw.evidence.{stream} ({named}) VALUES ({marks})",
                    [_without_zone(value) for value in whole.values()],
                )
        for name, schema in MODELS.items():
            self._connection.execute(
                f"CREATE OR REPLACE TABLE build.{schema}.{name} AS {self._sql[name]}"
            )
        return {
            name: sorted(
                self._connection.execute(f"FROM build.delivery.{name}").fetchall(),
                key=repr,
            )
            for name in PUBLIC
        }


def _without_zone(value: object) -> object:
    is_moment = isinstance(value, str) and value.endswith("Z")
    return str(value).removesuffix("Z") if is_moment else value


@pytest.fixture(scope="module")
def delivery(dbt: DbtCommands) -> CompiledDelivery:
    return CompiledDelivery(dbt)


@pytest.fixture(scope="module")
def expected(delivery: CompiledDelivery) -> dict[str, list[tuple[Any, ...]]]:
    return delivery.marts(STREAMS)


def test_the_cases_fill_every_mart(
    expected: dict[str, list[tuple[Any, ...]]],
) -> None:
    assert [name for name, rows in expected.items() if not rows] == []


@settings(
    max_examples=examples(12),
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seed=st.integers(0, 2**32))
def test_events_twice_shuffled_and_late_make_the_same_marts(
    delivery: CompiledDelivery,
    expected: dict[str, list[tuple[Any, ...]]],
    seed: int,
) -> None:
    chance = random.Random(seed)
    again = {}
    for stream, rows in STREAMS.items():
        delivered = [*rows, *(row for row in rows if chance.random() < 0.5)]
        chance.shuffle(delivered)
        again[stream] = delivered
    found = delivery.marts(again)
    for name, published in expected.items():
        assert found[name] == published, name
