"""What the figures of a run mean, and what each mart is made of, step by step."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from dashboard.shared.published import per_run, rows, table
from triptych.core.explanation import (
    ColumnMeaning,
    Explanation,
    NotExplainableError,
    explain_in,
    read_columns,
)
from triptych.core.warehouse.made_of import Version, read_versions

if TYPE_CHECKING:
    import pyarrow as pa

    from triptych.core.warehouse.reader import Snapshot

#: Distance of a model from the mart: the fewest steps between them.
_UPSTREAM = """
WITH RECURSIVE steps AS (
    SELECT model_name, upstream, 0 AS distance FROM lineage.models
    WHERE model_name = $model
    UNION
    SELECT models.model_name, models.upstream, steps.distance + 1
    FROM steps, lineage.models
    WHERE list_contains(steps.upstream, models.model_name)
)
SELECT steps.model_name AS name, any_value(models.schema_name) AS layer,
    min(steps.distance) AS distance, any_value(models.materialization) AS kind,
    any_value(models.description) AS description,
    any_value(models.upstream) AS parents, any_value(models.sources) AS sources
FROM steps JOIN lineage.models USING (model_name)
GROUP BY steps.model_name ORDER BY distance, layer, name
"""
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
    """Return what each public column means; None where the run did not keep that."""
    try:
        found = read_columns(snapshot)
    except NotExplainableError:
        return None
    return tuple(found)


@per_run
def upstream(snapshot: Snapshot, model_name: str) -> tuple[Node, ...]:
    """Return what a mart is made of: itself, models, and streams of evidence."""
    found = rows(snapshot, _UPSTREAM, model=model_name)
    nodes = [
        Node(
            row["name"],
            row["layer"],
            row["distance"],
            row["kind"] or "",
            row["description"] or "",
            (*row["parents"], *_streams(row["sources"])),
        )
        for row in found
    ]
    nearest: dict[str, int] = {}
    for row in found:
        for stream in _streams(row["sources"]):
            nearest.setdefault(stream, row["distance"] + 1)
    streams = [
        Node(stream, "evidence", distance, "stream", "", ())
        for stream, distance in sorted(nearest.items())
    ]
    return tuple(sorted([*nodes, *streams], key=lambda one: (one.distance, one.name)))


def worked_out_again(snapshot: Snapshot, root: str, address: str) -> Explanation:
    """Return a figure with all that stands behind it, worked out from the evidence.

    It is never remembered: whoever asks wants the files as they are now.

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
    """Return versions of all that the run was told; None where it kept none."""
    try:
        return read_versions(snapshot)
    except duckdb.CatalogException:
        return None


@per_run
def loads_by_stream(snapshot: Snapshot) -> pa.Table:
    """Return what was loaded from each source, of which the run was made."""
    return table(
        snapshot,
        """
        SELECT source, stream, count(*) AS load_count,
            CAST(sum(row_count) AS BIGINT) AS row_count,
            CAST(sum(quarantined_row_count) AS BIGINT) AS quarantined_row_count,
            max(loaded_at) AS loaded_at,
            min(label) AS first_label, max(label) AS last_label
        FROM lineage.loads GROUP BY source, stream ORDER BY source, stream
        """,
    )
