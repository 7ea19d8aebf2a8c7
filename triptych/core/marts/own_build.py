"""Builds the models of a workspace into the file that is about to be published.

They are executed like the product's models, in a separate database, on an engine that
reaches the public marts of the run and nothing else. A failed model is left out with
all that is made of it, and reports it; the run publishes without it.
"""

from __future__ import annotations

import logging
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import TriptychError
from triptych.core.file_names import literal
from triptych.core.log_events import LogEvent
from triptych.core.marts.digests import digest_of_relation
from triptych.core.marts.execution import Execution, NodeError
from triptych.core.marts.own_folder import OwnModelsError, read_own_models
from triptych.core.marts.own_outcomes import Ended, write_ended
from triptych.core.marts.own_project import OWN_SCHEMA, compile_own
from triptych.core.marts.recipe import recipe_of
from triptych.core.marts.states import drop_unknown
from triptych.core.spare_engines import database_in_spare_engine
from triptych.core.warehouse.build import open_build
from triptych.core.warehouse.explained_models import append_explained_models
from triptych.core.warehouse.publish import PUBLIC_SCHEMAS
from triptych.core.warehouse.retired_marts import warnings_about
from triptych.core.warehouse.source_rows import ROW_FUNCTIONS, tables_asked_for

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence
    from pathlib import Path

    from triptych.core.dbt.commands import NodeOutcome
    from triptych.core.marts.build import EngineSettings
    from triptych.core.marts.digests import Digest
    from triptych.core.marts.recipe import Node, Recipe
    from triptych.core.progress import Task

log = logging.getLogger(__name__)


@dataclass(slots=True)
class OwnBuild:
    """The models of a workspace, and where they are built.

    Parameters
    ----------
    folder : Path
        Their SQL and YAML.
    database : Path
        Database that keeps them from run to run.
    engine : EngineSettings
        Memory and threads.
    product : mapping
        The manifest of our own models, which theirs are made of.
    """

    folder: Path
    database: Path
    engine: EngineSettings
    product: Mapping[str, Any]
    ended: list[Ended] = field(default_factory=list)

    def add_to(self, draft: Path, task: Task) -> bool:
        """Build and test the models, and add those that pass to a published file.

        Parameters
        ----------
        draft : Path
            The file that is about to be published; unchanged if no model passes, but
            for a table with the reasons.
        task : Task
            Advanced once per model and test that is executed.

        Returns
        -------
        bool
            True if the same files would end so again: not if the machine failed.
        """
        is_final = True
        nodes: list[Mapping[str, Any]] = []
        try:
            nodes = self._build(draft, task)
        except TriptychError as error:
            self.ended = [Ended("", "folder", "error", str(error))]
        except (duckdb.Error, OSError, ValueError, RecursionError) as error:
            is_final = False
            self.ended = [Ended("", "folder", "error", str(error))]
        for each in self.ended:
            if each.is_failure:
                log.warning(
                    LogEvent(
                        "A model of this workspace failed; all else is published.",
                        model=each.name,
                        why=each.message,
                    )
                )
        self._write(draft, nodes)
        return is_final

    def _build(self, draft: Path, task: Task) -> list[Mapping[str, Any]]:
        models = read_own_models(self.folder)
        for name, text in models.texts.items():
            for warning in warnings_about(text):
                task.note(f"{name}: {warning}")
        with database_in_spare_engine(draft, read_only=True) as connection:
            marts = _public_marts(connection)
        manifest = compile_own(models, marts)
        recipe = recipe_of(manifest, "")
        self._refuse_our_names(recipe)
        with closing(self._open(draft, recipe)) as connection:
            self.ended, built = _execute(connection, recipe, task)
        return [_explained(manifest, node, self.product) for node in built]

    def _refuse_our_names(self, recipe: Recipe) -> None:
        ours = {node["name"] for node in self.product["nodes"].values()}
        for node in recipe.nodes:
            if not node.is_test and node.name in ours:
                raise OwnModelsError(
                    f"{node.name} is a model of triptych.",
                    where=str(self.folder),
                    next_step="Give yours another name.",
                )

    def _open(self, draft: Path, recipe: Recipe) -> duckdb.DuckDBPyConnection:
        """Open the database of these models; it reaches no file but the marts."""
        connection = open_build(
            self.database,
            {"memory_limit": self.engine.memory_limit, "threads": self.engine.threads},
        )
        connection.execute("SET TimeZone = 'UTC'")
        connection.execute(f"ATTACH {literal(str(draft))} AS draft (READ_ONLY)")
        connection.execute("SET GLOBAL enable_external_access = false")
        connection.execute("SET GLOBAL lock_configuration = true")
        drop_unknown(connection, {node.relation for node in recipe.nodes})
        for relation in recipe.sources.values():
            _, schema, _ = relation.split(".")
            connection.execute(f"CREATE SCHEMA IF NOT EXISTS build.{schema}")
            mart = relation.removeprefix('"build".')
            connection.execute(f"CREATE VIEW {relation} AS FROM draft.{mart}")
        return connection

    def _write(self, draft: Path, nodes: Sequence[Mapping[str, Any]]) -> None:
        with database_in_spare_engine(draft) as connection:
            write_ended(connection, self.ended)
            if not nodes:
                return
            location = literal(str(self.database))
            connection.execute(f"ATTACH {location} AS built (READ_ONLY)")
            connection.execute(f"CREATE SCHEMA {OWN_SCHEMA}")
            for node in nodes:
                table = f'{OWN_SCHEMA}."{node["name"]}"'
                connection.execute(f"CREATE TABLE {table} AS FROM built.{table}")
            connection.execute("DETACH built")
            append_explained_models(connection, [_whole(connection, n) for n in nodes])


def _public_marts(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables()"
        " WHERE list_contains(?, schema_name) ORDER BY ALL",
        [[schema for schema in PUBLIC_SCHEMAS if schema != OWN_SCHEMA]],
    ).fetchall()


# ------------------------------------------------------------------------- executing


def _execute(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, task: Task
) -> tuple[list[Ended], list[Node]]:
    """Execute possible nodes; return their outcomes and the passing models."""
    # Months are ours to declare: a wrong mark would keep rows that are out of date. A
    # view would read files that its rows are copied away from.
    nodes = [
        replace(node, is_by_month=False, kind="test" if node.is_test else "table")
        for node in recipe.nodes
    ]
    known = {node.unique_id: node for node in nodes}
    digests = _digests(connection, recipe, nodes)
    failed: dict[str, Ended] = {}
    for node in nodes:
        reason = _reason_against(connection, node, known, recipe.sources)
        if reason:
            failed[node.unique_id] = Ended(node.name, node.kind, "error", reason)
    outcomes = _executed(connection, known, digests, task, failed)
    for key, each in outcomes.items():
        if each.status in {"error", "fail"}:
            text = f"{each.failure_count:,} rows fail it."
            failed[key] = Ended(each.name, "test", "fail", text)
    left_out = _made_of(nodes, failed.keys() | _in_doubt(failed, known))
    built = [n for n in nodes if n.unique_id not in left_out and not n.is_test]
    return [_ended(n, failed, left_out, outcomes) for n in nodes], built


def _executed(
    connection: duckdb.DuckDBPyConnection,
    known: Mapping[str, Node],
    digests: Mapping[str, Digest],
    task: Task,
    failed: dict[str, Ended],
) -> dict[str, NodeOutcome]:
    """Execute all nodes without a failed input, until nothing else fails."""
    nodes = list(known.values())
    while True:
        left_out = _made_of(nodes, failed)
        rest = [n for n in nodes if n.unique_id not in left_out]
        execution = Execution(connection, rest, known, digests, task)
        try:
            execution.run()
        except NodeError as error:
            connection.execute("ROLLBACK")
            node = known[error.outcome.unique_id]
            message = error.outcome.message
            failed[node.unique_id] = Ended(node.name, node.kind, "error", message)
        else:
            return {each.unique_id: each for each in execution.outcomes}


def _in_doubt(failed: Collection[str], known: Mapping[str, Node]) -> set[str]:
    """Return the workspace models that failed tests read; marts excluded."""
    return {
        parent
        for key in failed
        if known[key].is_test
        for parent in known[key].parents
        if parent in known
    }


def _ended(
    node: Node,
    failed: Mapping[str, Ended],
    left_out: set[str],
    outcomes: Mapping[str, Any],
) -> Ended:
    if node.unique_id in failed:
        return failed[node.unique_id]
    if node.unique_id in left_out:
        reason = "A model or a test that it hangs on failed."
        return Ended(node.name, node.kind, "left_out", reason)
    told = outcomes.get(node.unique_id)
    return Ended(node.name, node.kind, told.status if told else "success")


def _made_of(nodes: Sequence[Node], keys: Iterable[str]) -> set[str]:
    """Return some nodes and all that read them; ``nodes`` are in building order."""
    found = set(keys)
    for node in nodes:
        if found & set(node.parents):
            found.add(node.unique_id)
    return found


def _digests(
    connection: duckdb.DuckDBPyConnection, recipe: Recipe, nodes: Sequence[Node]
) -> dict[str, Digest]:
    read = {parent for node in nodes for parent in node.parents}
    found = {}
    for key in sorted(read & recipe.sources.keys()):
        relation = recipe.sources[key]
        described = connection.execute(f"DESCRIBE {relation}").fetchall()
        columns = [str(row[0]) for row in described]
        found[key] = digest_of_relation(connection, relation, columns)
    return found


def _reason_against(
    connection: duckdb.DuckDBPyConnection,
    node: Node,
    known: Mapping[str, Node],
    sources: Mapping[str, str],
) -> str:
    """Return why a query is not run; empty if it reads its declared inputs."""
    if not node.sql:
        return "It is about a model that is not there."
    try:
        statements = connection.extract_statements(node.sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            return "It is not one query that reads."
        named = tables_asked_for(connection.cursor(), node.sql, functions=ROW_FUNCTIONS)
    except duckdb.Error as error:
        return str(error)
    declared = {
        (sources.get(key) or known[key].relation).replace('"', "").lower()
        for key in node.parents
    }
    other = sorted(name for name in named if name.lower() not in declared)
    if not other:
        return ""
    return (
        f"It reads {other[0]} by its name; write {{{{ source('schema', 'mart') }}}} or"
        " {{ ref('model') }}, so that it is built after what it reads."
    )


# ------------------------------------------------------------------------ explaining


def _explained(
    manifest: Mapping[str, Any], node: Node, product: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a model with its parents among our own models in place of sources."""
    ours = {
        f"{each['schema']}.{_table(each)}": key
        for key, each in product["nodes"].items()
        if each["resource_type"] == "model"
    }
    of = manifest["nodes"][node.unique_id]
    parents = []
    for key in of["depends_on"]["nodes"]:
        relation = str(manifest["sources"].get(key) or "")
        mart = relation.replace('"', "").partition(".")[2]
        parents.append(ours.get(mart, key))
    return {
        **of,
        "config": {**of["config"], "schema": OWN_SCHEMA},
        "meta": of.get("meta") or {},
        "access": "public",
        "depends_on": {"nodes": parents},
    }


def _table(node: Mapping[str, Any]) -> str:
    return str(node["relation_name"] or "").rsplit(".", 1)[-1].strip('"')


def _whole(
    connection: duckdb.DuckDBPyConnection, node: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a model with each of its columns, documented or not."""
    rows = connection.execute(f'DESCRIBE {OWN_SCHEMA}."{node["name"]}"').fetchall()
    documented = {name.lower(): each for name, each in (node["columns"] or {}).items()}
    columns = {
        name: {"description": "", **documented.get(name.lower(), {}), "name": name}
        for name, *_ in rows
    }
    return {**node, "columns": columns}
