"""Chosen marts of a workspace, built with what they are made of and nothing else.

A run builds and tests all 260 models and publishes them; a mart of costs is made of
some fifty. Where a test asks a few marts for their rows, the product's own execution
of the compiled models gives it these, in a fifth of the time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from ingest.engine.lake import open_catalogue, places_of
from triptych.core.control.named_columns import delivered_columns
from triptych.core.control.rules import rule_sets
from triptych.core.control.tables import control_tables
from triptych.core.marts.build import EngineSettings, MartBuild
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse.inspection import read_newest_load_at
from triptych.core.warehouse.locks import read_history
from triptych.core.workspace import Workspace
from triptych.run import pipeline

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    import pyarrow as pa

    from ingest.engine.runner import IngestReport
    from triptych.core.marts.recipe import Node, Recipe
    from triptych.core.settings import Settings
    from triptych.core.warehouse.published_file import Parameters


class ChosenMarts:
    """Marts that were built, which answer as those of a published run do.

    Parameters
    ----------
    ingested : IngestReport
        What was loaded before.
    content : mapping of str to Table
        Schema and name of each mart → its rows.
    """

    def __init__(self, ingested: IngestReport, content: Mapping[str, pa.Table]) -> None:
        self.ingested = ingested
        self._connection = duckdb.connect()
        self._connection.execute("SET TimeZone = 'UTC'")
        for name, rows in content.items():
            schema = name.partition(".")[0]
            self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
            self._connection.register("rows_of_the_mart", rows)
            self._connection.execute(f"CREATE TABLE {name} AS FROM rows_of_the_mart")

    def query(self, sql: str, parameters: Parameters = None) -> pa.Table:
        """Return what a query over the chosen marts gives."""
        return self._connection.sql(sql, params=parameters).to_arrow_table()


def ingest_and_build(
    root: Path, *marts: str, is_all_loaded: bool = True
) -> ChosenMarts:
    """Load what is new, and build marts by their names, such as ``cost.fct_…``.

    Unless ``is_all_loaded``, deliveries may be refused, which the report has.
    """
    settings = load_settings(root)
    report = pipeline.ingest(Workspace(root), settings, progress=SilentProgress())
    if is_all_loaded:
        report.raise_first_failure()
    return ChosenMarts(report, _build(Workspace(root), settings, marts))


def _build(
    workspace: Workspace, settings: Settings, marts: tuple[str, ...]
) -> dict[str, pa.Table]:
    """Execute what marts are made of, in the build database that a run goes on from."""
    with open_catalogue(places_of(workspace)) as catalogue:
        catalogue.name_columns(delivered_columns(settings))
    history = read_history(workspace)
    tables = control_tables(
        settings,
        run_id="chosen-marts",
        started_at=datetime.now(UTC),
        newest_load_at=read_newest_load_at(workspace.raw_database),
        history=history,
        undecided_sources=[],
    )
    warehouse = settings.warehouse
    engine = EngineSettings(warehouse.memory_limit, warehouse.threads or 2)
    build = MartBuild(workspace, engine, rule_sets(settings, history), tables)
    with SilentProgress().task("build") as task:
        build._execute(_made_of(build.recipe, marts), task)
    with build._connected() as connection:
        return {name: connection.sql(f"FROM {name}").to_arrow_table() for name in marts}


def _made_of(recipe: Recipe, marts: tuple[str, ...]) -> list[Node]:
    """Return marts, what they read, and the tests that read nothing else."""
    nodes = {node.unique_id: node for node in recipe.nodes}
    by_name = {
        f"{node.schema}.{node.table}": key
        for key, node in nodes.items()
        if not node.is_test
    }
    wanted: set[str] = set()
    waiting = [by_name[mart] for mart in marts]
    while waiting:
        key = waiting.pop()
        if key not in wanted and key in nodes:
            wanted.add(key)
            waiting += nodes[key].parents
    return [
        node
        for key, node in nodes.items()
        if key in wanted
        or (node.is_test and {p for p in node.parents if p in nodes} <= wanted)
    ]
