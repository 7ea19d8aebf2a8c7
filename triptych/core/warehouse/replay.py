"""Rebuilds a mart from the evidence files, beside the published mart.

The published file keeps the SQL of every model as its run compiled it, the inputs of
the run and its catalogue of loads, and the views over its evidence. Run again in a
database in memory they rebuild the mart: from the very files, with the very rules, and
with no content of the build database or the published tables.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb

from triptych.core.errors import TriptychError
from triptych.core.lake.in_place import refusal_in
from triptych.core.warehouse.published_file import attach_published

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

_EXPLAINED = "published.lineage"
_CONTROL = "control_"
_LOADS = "catalogue_"
_ESTIMATES = "estimates."


class NotReplayableError(TriptychError):
    """A mart cannot be rebuilt here; the published mart stays."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model as its run compiled it, with its inputs."""

    name: str
    schema: str
    materialization: str
    sql: str | None
    upstream: tuple[str, ...]
    sources: tuple[str, ...]


class Replay:
    """Marts and their inputs, rebuilt in memory.

    Parameters
    ----------
    published : Path
        The published file.
    root : Path
        The workspace.
    marts : sequence of str
        Names of the models, without their schema.

    Raises
    ------
    NotReplayableError
        The run was built elsewhere, the mart is not made of evidence alone, or a
        file of it is out of reach.
    """

    def __init__(self, published: Path, root: Path, marts: Sequence[str]) -> None:
        self._connection = attach_published(published, root, reads_evidence=True)
        models = self._models()
        needed = needed_models(models, marts)
        try:
            self._create_sources()
            for model in needed:
                self._create(model)
        except duckdb.Error as error:
            raise _out_of_reach(marts[0], error) from error

    def query(
        self, sql: str, parameters: dict[str, Any] | None = None
    ) -> list[dict[str, Any]]:
        """Answer a query over the rebuilt marts, as a mapping per row."""
        relation = self._connection.sql(sql, params=parameters or {})
        rows: list[dict[str, Any]] = relation.to_arrow_table().to_pylist()
        return rows

    def close(self) -> None:
        """Forget it."""
        self._connection.close()

    def _models(self) -> dict[str, Model]:
        rows = self._connection.execute(
            "SELECT model_name, schema_name, materialization, sql, upstream, sources"
            f" FROM {_EXPLAINED}.models ORDER BY position"
        ).fetchall()
        return {
            row[0]: Model(row[0], row[1], row[2], row[3], tuple(row[4]), tuple(row[5]))
            for row in rows
        }

    def _create_sources(self) -> None:
        run = self._connection.execute
        run("ATTACH ':memory:' AS build")
        run("ATTACH ':memory:' AS raw")
        run("CREATE SCHEMA build.control")
        run("CREATE SCHEMA raw.evidence")
        run("CREATE SCHEMA raw.catalogue")
        for kept, schema in ((_CONTROL, "build.control"), (_LOADS, "raw.catalogue")):
            for table in self._kept(kept):
                name = table.removeprefix(kept)
                run(f'CREATE VIEW {schema}."{name}" AS FROM {_EXPLAINED}."{table}"')
        for stream, sql in run(f"FROM {_EXPLAINED}.evidence").fetchall():
            body = str(sql).split(" AS ", 1)[1].rstrip().rstrip(";")
            run(f'CREATE VIEW raw.evidence."{stream}" AS {body}')

    def _kept(self, beginning: str) -> list[str]:
        """Return the tables of the published file with this name prefix."""
        rows = self._connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'published'"
            " AND schema_name = 'lineage' AND starts_with(table_name, ?)",
            [beginning],
        ).fetchall()
        return [row[0] for row in rows]

    def _create(self, model: Model) -> None:
        schema = f'build."{model.schema}"'
        self._connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema}")
        kind = "VIEW" if model.materialization == "view" else "TABLE"
        self._connection.execute(
            f'CREATE {kind} {schema}."{model.name}" AS {model.sql}'
        )


def needed_models(models: dict[str, Model], marts: Sequence[str]) -> list[Model]:
    """Return the marts and all their inputs, each after its inputs."""
    mart = marts[0]
    if not set(marts) <= models.keys():
        raise NotReplayableError(
            "The run kept no SQL of it.",
            where=mart,
            next_step='Run "triptych build" to publish with it.',
        )
    wanted = set(marts)
    for model in reversed(models.values()):
        if model.name in wanted:
            wanted |= set(model.upstream)
    needed = [model for model in models.values() if model.name in wanted]
    for model in needed:
        if model.sql is None:
            raise NotReplayableError(
                "This run was built on Spark, whose SQL the embedded engine cannot run"
                " again.",
                where=mart,
                next_step="Set 'warehouse.engine: duckdb' and run again to explain it.",
            )
        if any(source.startswith(_ESTIMATES) for source in model.sources):
            raise NotReplayableError(
                "Statistics of the run are part of its rows, and are not made again"
                " here.",
                where=mart,
                next_step="Explain figures of the marts that it is made of.",
            )
    return needed


def _out_of_reach(mart: str, error: duckdb.Error) -> NotReplayableError:
    reason = refusal_in(str(error)) or str(error).strip().splitlines()[0]
    return NotReplayableError(
        reason,
        where=mart,
        next_step="Explain it on a machine that reaches the evidence and has the room.",
    )
