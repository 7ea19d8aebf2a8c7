"""Meaning of the figures of a run, and lineage of each mart by step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from dashboard.shared.published import per_run, rows, table
from triptych.core.explanation import (
    ColumnMeaning,
    Explanation,
    NotExplainableError,
    explain_in,
    read_columns,
)
from triptych.core.measures.compile import compile_query
from triptych.core.measures.query import query
from triptych.core.warehouse.made_of import Version, read_versions

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

_EVIDENCE = "evidence."


@dataclass(frozen=True, slots=True)
class Node:
    """A model, or a stream of evidence, that a mart is made of.

    ``distance`` is the least number of steps to the mart, which has 0; ``parents`` are
    names of nodes that it reads.
    """

    name: str
    layer: str
    distance: int
    kind: str
    description: str
    parents: tuple[str, ...]


@per_run
def documented_columns(snapshot: Snapshot) -> tuple[ColumnMeaning, ...] | None:
    """Return the meaning of public columns; None if the run did not keep it."""
    try:
        found = read_columns(snapshot)
    except NotExplainableError:
        return None
    return tuple(found)


@per_run
def upstream(snapshot: Snapshot, model_name: str) -> tuple[Node, ...]:
    """Return the lineage of a mart: itself, models and streams of evidence."""
    models = {
        row["model_name"]: row for row in rows(snapshot, "SELECT * FROM lineage.models")
    }
    nodes: dict[str, Node] = {}
    nearest, distance = {model_name}, 0
    while nearest:
        nodes |= {name: _node(name, models.get(name), distance) for name in nearest}
        parents = {parent for name in nearest for parent in nodes[name].parents}
        nearest, distance = parents - {*nodes}, distance + 1
    return tuple(sorted(nodes.values(), key=lambda one: (one.distance, one.name)))


def _node(name: str, model: dict[str, Any] | None, distance: int) -> Node:
    """Return a node; anything but a model is a stream of evidence."""
    if model is None:
        return Node(name, "evidence", distance, "stream", "", ())
    return Node(
        name,
        model["schema_name"],
        distance,
        model["materialization"] or "",
        model["description"] or "",
        (*model["upstream"], *_streams(model["sources"])),
    )


def worked_out_again(snapshot: Snapshot, root: str, address: str) -> Explanation:
    """Return a figure with its full derivation, recomputed from evidence.

    It is never cached: the user wants the files as they are now.

    Parameters
    ----------
    snapshot : Snapshot
        The whole run.
    root : str
        Its workspace.
    address : str
        Of the figure.

    Raises
    ------
    UsageError
        There is no such figure, it may not be seen whole, or its rows do not add up.
    """
    return explain_in(snapshot, Path(root), address)


def _streams(sources: list[str]) -> list[str]:
    return [
        source.removeprefix(_EVIDENCE)
        for source in sources
        if source.startswith(_EVIDENCE)
    ]


@per_run
def versions_told(snapshot: Snapshot) -> tuple[Version, ...] | None:
    """Return versions of all inputs of the run; None if it kept none."""
    try:
        return read_versions(snapshot)
    except duckdb.CatalogException:
        return None


@per_run
def loads_by_stream(snapshot: Snapshot) -> pa.Table:
    """Return the loads of each source that the run was made from."""
    names = ("current_loads", "current_load_rows", "refused_load_rows")
    asked = query(*names, by=("source", "stream"), labels=("loaded_at",))
    return table(snapshot, compile_query(asked))
