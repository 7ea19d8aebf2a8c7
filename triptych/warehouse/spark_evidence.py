"""The current loads as Spark relations: a table per folder, a view per stream.

A load rests in a folder of its own that is never changed, so an external table over
the folder is the load. Of a load in place the files are named one by one. The view of
a stream reads the tables through the projection that was worked out when the load was
committed; bills are left out of it whose months a run does not build.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.errors import SettingsError
from triptych.warehouse.in_place import BUCKET_SCHEME, is_in_bucket, is_in_place
from triptych.warehouse.spark_sql import identifier, spark_type, text_literal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    import duckdb

    from triptych.warehouse.loads import StreamView

#: Stands in a projection that no Spark expression can be made of, with the reason.
UNREADABLE_ON_SPARK = "unreadable"

#: How Hadoop's file systems, and all that follow them, name an object of S3.
_HADOOP_SCHEME = "s3a://"
#: Characters of a location besides its folder: a Hive metastore keeps 4,000 in all.
_PATTERN_LENGTH = 2_500

_LINEAGE_COLUMNS = ("_source", "_load_id", "_source_uri")


@dataclass(frozen=True, slots=True)
class LoadedFiles:
    """Files of one load that are read through one projection.

    ``location`` is a folder, a file, or files of one folder as ``folder/{a,b}``.
    """

    stream: str
    source: str
    load_id: str
    location: str
    position: int
    columns: dict[str, str]
    months: frozenset[str]

    @property
    def table(self) -> str:
        """Name of the external table over the files."""
        return f"load_{re.sub('[^0-9a-z]', '_', self.load_id.lower())}_{self.position}"


def read_loaded_files(
    catalogue: duckdb.DuckDBPyConnection, *, root: Path
) -> list[LoadedFiles]:
    """Return what the current loads consist of, by load and projection.

    Parameters
    ----------
    catalogue : duckdb.DuckDBPyConnection
        Open ``raw.duckdb``.
    root : Path
        Workspace folder, which file names are relative to.

    Raises
    ------
    SettingsError
        A load cannot be read on Spark; the message says which and why.
    """
    rows = catalogue.execute(
        "SELECT stream, source, load_id, label, files, spark_projections, signatures,"
        " (SELECT list(DISTINCT t.billing_month) FROM catalogue.load_totals AS t"
        "  WHERE t.load_id = loads.load_id)"
        " FROM catalogue.loads AS loads"
        " WHERE status = 'current' AND row_count > 0 ORDER BY source, load_id"
    ).fetchall()
    return [
        files
        for stream, source, load_id, label, names, projections, signatures, months in (
            rows
        )
        for files in _files_of_load(
            (stream, source, load_id),
            label=label,
            locations=[_location(name, root) for name in names],
            projections=projections,
            signatures=signatures,
            # Only what is ours may be named by its folder: beside a delivery in
            # place lie others.
            is_ours=not any(map(is_in_place, names)),
            months=frozenset(months or ()),
        )
    ]


def _location(name: str, root: Path) -> str:
    if is_in_bucket(name):
        return f"{_HADOOP_SCHEME}{name.removeprefix(BUCKET_SCHEME)}"
    return name if is_in_place(name) else str(root / name)


def _files_of_load(
    identity: tuple[str, str, str],
    *,
    label: str,
    locations: Sequence[str],
    projections: Sequence[str] | None,
    signatures: Sequence[str],
    is_ours: bool,
    months: frozenset[str],
) -> Iterator[LoadedFiles]:
    if projections is None:
        raise SettingsError(
            "This load was made before triptych could read it on Spark.",
            where=label,
            next_step='Run "triptych ingest" once.',
        )
    for projection in projections:
        _refuse_unreadable(projection, label)
    if is_ours and len(set(projections)) == 1:
        folder = locations[0].rsplit("/", 1)[0]
        yield LoadedFiles(*identity, folder, 0, json.loads(projections[0]), months)
        return
    groups: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for location, projection, signature in zip(
        locations, projections, signatures, strict=True
    ):
        folder, _, name = location.rpartition("/")
        groups[folder, projection, signature].append(name)
    patterns = [
        (f"{folder}/{pattern}", json.loads(projection))
        for (folder, projection, _), names in groups.items()
        for pattern in _patterns(names)
    ]
    for position, (pattern, columns) in enumerate(patterns):
        yield LoadedFiles(*identity, pattern, position, columns, months)


def _patterns(names: Sequence[str]) -> Iterator[str]:
    """Yield patterns that mean these names and no others, none of them too long."""
    chunk: list[str] = []
    for name in names:
        if chunk and sum(map(len, chunk)) + len(chunk) + len(name) > _PATTERN_LENGTH:
            yield _pattern(chunk)
            chunk = []
        chunk.append(name)
    yield _pattern(chunk)


def _pattern(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{{{','.join(names)}}}"


def _refuse_unreadable(projection: str, label: str) -> None:
    reason = json.loads(projection).get(UNREADABLE_ON_SPARK)
    if reason is not None:
        raise SettingsError(
            str(reason), where=label, next_step="Or build with --engine duckdb."
        )


def evidence_statements(
    views: Iterable[StreamView],
    loaded: Sequence[LoadedFiles],
    *,
    schema: str,
    bills: Collection[str],
    months: Collection[str],
) -> Iterator[str]:
    """Yield the statements that make the evidence relations of one run.

    Parameters
    ----------
    views : iterable of StreamView
        Every stream, loaded or not: each gets a view.
    loaded : sequence of LoadedFiles
        What :func:`read_loaded_files` found.
    schema : str
        Schema of the relations.
    bills : collection of str
        Streams of which only loads with one of ``months`` are read.
    months : collection of str
        Billing months that the run builds.
    """
    wanted = set(months)
    by_stream: dict[str, list[LoadedFiles]] = defaultdict(list)
    for files in loaded:
        if files.stream not in bills or files.months & wanted:
            by_stream[files.stream].append(files)
    for view in views:
        branches = by_stream[view.name]
        for files in branches:
            table = f"{schema}.{files.table}"
            yield f"DROP TABLE IF EXISTS {table}"
            location = text_literal(files.location)
            yield f"CREATE TABLE {table} USING parquet LOCATION {location}"
        selects = [_select(view, files, schema) for files in branches]
        body = " UNION ALL ".join(selects or [_empty_select(view)])
        yield f"CREATE OR REPLACE VIEW {schema}.{view.name} AS {body}"


def _select(view: StreamView, files: LoadedFiles, schema: str) -> str:
    columns = [
        f"{files.columns.get(name) or _typed_null(type_)} AS {identifier(name)}"
        for name, type_ in view.columns
    ]
    lineage = (files.source, files.load_id, files.location)
    columns += [
        f"{text_literal(value)} AS {name}"
        for name, value in zip(_LINEAGE_COLUMNS, lineage, strict=True)
    ]
    return f"SELECT {', '.join(columns)} FROM {schema}.{files.table}"


def _empty_select(view: StreamView) -> str:
    columns = [
        f"{_typed_null(type_)} AS {identifier(name)}" for name, type_ in view.columns
    ]
    columns += [f"CAST(NULL AS STRING) AS {name}" for name in _LINEAGE_COLUMNS]
    return f"SELECT * FROM (SELECT {', '.join(columns)}) AS nothing WHERE false"


def _typed_null(duckdb_type: str) -> str:
    return f"CAST(NULL AS {spark_type(duckdb_type)})"


__all__ = [
    "UNREADABLE_ON_SPARK",
    "LoadedFiles",
    "evidence_statements",
    "read_loaded_files",
]
