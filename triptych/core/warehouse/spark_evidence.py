"""Current loads in Spark: similar files merged, a query per stream.

A load rests in a separate folder that is never changed, so the content of the folder is
the load. Of a load in place the files are named singly. The query of a stream reads
them through the projection that was worked out when the load was committed. Sums over
line items ignore the load of a row.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.core.errors import SettingsError
from triptych.core.lake.in_place import BUCKET_SCHEME, is_in_bucket, is_in_place
from triptych.core.warehouse.spark_sql import identifier, spark_type, text_literal

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    import duckdb

    from triptych.core.lake.loads import StreamView

#: Placeholder in a projection that no Spark expression can be made of, with the reason.
UNREADABLE_ON_SPARK = "unreadable"

#: Scheme with which Hadoop's file systems, and all that follow them, name an object of
#: S3.
_HADOOP_SCHEME = "s3a://"
#: Columns of every stream that no table on Spark is made of.
_NOT_READ = ("_load_id", "_source_uri")
_LOADS_OF_MONTHS = """
SELECT stream, source, label, files, spark_projections, signatures
FROM catalogue.loads AS loads
WHERE status = 'current' AND row_count > 0 AND list_contains(?, stream)
  AND EXISTS (
    FROM catalogue.load_totals AS totals
    WHERE totals.load_id = loads.load_id AND list_contains(?, totals.billing_month)
  )
ORDER BY source, load_id
"""


@dataclass(frozen=True, slots=True)
class LoadedFiles:
    """Files of a source's current loads that share a projection."""

    stream: str
    source: str
    position: int
    locations: tuple[str, ...]
    columns: dict[str, str]

    @property
    def view(self) -> str:
        """Name of the view over the files."""
        return f"evidence__{self.stream}_{self.position}"


def read_loaded_files(
    catalogue: duckdb.DuckDBPyConnection,
    *,
    root: Path,
    streams: Collection[str],
    months: Collection[str],
) -> list[LoadedFiles]:
    """Return the loaded files of some months of the current loads.

    Loads of the same source with similar files are a single relation, however many
    there are: a query costs Spark a second of processor time for each that it reads.

    Parameters
    ----------
    catalogue : duckdb.DuckDBPyConnection
        Open ``raw.duckdb``.
    root : Path
        Workspace folder, which file names are relative to.
    streams : collection of str
        Streams of the loads.
    months : collection of str
        Billing months of which a load has rows.

    Raises
    ------
    SettingsError
        A load cannot be read on Spark; the message names the load and the reason.
    """
    rows = catalogue.execute(
        _LOADS_OF_MONTHS, [sorted(streams), sorted(months)]
    ).fetchall()
    groups: dict[tuple[str, str, str, str, bool], dict[str, None]] = defaultdict(dict)
    for stream, source, label, names, projections, signatures in rows:
        if projections is None:
            raise SettingsError(
                "This load was made before triptych could read it on Spark.",
                where=label,
                next_step='Run "triptych ingest" once.',
            )
        for name, projection, signature in zip(
            names, projections, signatures, strict=True
        ):
            _refuse_unreadable(projection, label)
            # Not every server reads a bucket and a folder by a single relation: some
            # server left the folder out.
            in_bucket = is_in_bucket(name)
            group = groups[stream, source, projection, signature, in_bucket]
            group[_location(name, root)] = None
    return [
        LoadedFiles(stream, source, place, tuple(locations), json.loads(projection))
        for place, ((stream, source, projection, *_), locations) in enumerate(
            groups.items()
        )
    ]


def _location(name: str, root: Path) -> str:
    """Return where Spark finds a file; others lie there, such as a load's manifest."""
    if is_in_bucket(name):
        return f"{_HADOOP_SCHEME}{name.removeprefix(BUCKET_SCHEME)}"
    if is_in_place(name):
        return name
    return str(root / name)


def _refuse_unreadable(projection: str, label: str) -> None:
    reason = json.loads(projection).get(UNREADABLE_ON_SPARK)
    if reason is not None:
        raise SettingsError(
            str(reason), where=label, next_step="Or build with --engine duckdb."
        )


def stream_query(view: StreamView, loaded: Sequence[LoadedFiles]) -> str:
    """Return the query that is a stream on Spark.

    Parameters
    ----------
    view : StreamView
        The stream and its columns.
    loaded : sequence of LoadedFiles
        Its files, each read by its ``view``; none give no rows.
    """
    selects = [_select(view, files) for files in loaded]
    return " UNION ALL ".join(selects or [_empty_select(view)])


def _select(view: StreamView, files: LoadedFiles) -> str:
    columns = [
        f"{files.columns.get(name) or _typed_null(type_)} AS {identifier(name)}"
        for name, type_ in view.columns
    ]
    columns.append(f"{text_literal(files.source)} AS _source")
    columns += [f"CAST(NULL AS STRING) AS {name}" for name in _NOT_READ]
    return f"SELECT {', '.join(columns)} FROM {files.view}"


def _empty_select(view: StreamView) -> str:
    columns = [
        f"{_typed_null(type_)} AS {identifier(name)}" for name, type_ in view.columns
    ]
    columns += [f"CAST(NULL AS STRING) AS {name}" for name in ("_source", *_NOT_READ)]
    return f"SELECT * FROM (SELECT {', '.join(columns)}) AS nothing WHERE false"


def _typed_null(duckdb_type: str) -> str:
    return f"CAST(NULL AS {spark_type(duckdb_type)})"
