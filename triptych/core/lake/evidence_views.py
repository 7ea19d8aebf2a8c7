"""The views of schema ``evidence``, per stream, over its loads' files.

A view lists its files by name. Nothing is ever found by a glob, so a file that a crash
left behind is invisible.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb

from triptych.core.errors import TriptychError
from triptych.core.file_names import literal, read_name
from triptych.core.lake.columns_named import named_columns, with_named_columns
from triptych.core.lake.in_place import in_bucket_refusal, is_in_bucket, is_in_place
from triptych.core.machine_errors import machine_trouble

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from triptych.core.lake.loads import StreamView

# The folder of a copied file names its load, that of a file in place does not.
_GROUPS = """
WITH files AS (
    SELECT source, load_id, unnest(projections) AS projection,
        unnest(signatures) AS signature, unnest(files) AS file,
        generate_subscripts(files, 1) AS position
    FROM catalogue.loads
    WHERE status = 'current' AND stream = ? AND row_count > 0
)
SELECT source,
    CASE WHEN starts_with(file, '/') OR starts_with(file, 's3://')
        THEN load_id END AS named_load_id,
    projection, list(file ORDER BY load_id, position)
FROM files
GROUP BY source, named_load_id, projection, signature
ORDER BY source, min(load_id), min(position), signature
"""


#: Column in which the engine names the file; deliveries may have a ``filename``.
_FILE = "_triptych_file"


class UnreadableLoadError(TriptychError):
    """A file of a current load of a stream is gone, or cannot be read any more."""

    exit_code = 3
    stream = ""


def replace_view(
    connection: duckdb.DuckDBPyConnection,
    view: StreamView,
    lost: UnreadableLoadError | None = None,
) -> None:
    """Write the view of a stream over the files of its current loads.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, open for writing.
    view : StreamView
        The stream.
    lost : UnreadableLoadError, optional
        Reason for which readers of the view are refused; no file is looked at then. So
        a load that is lost can be taken back while another is, too.

    Raises
    ------
    UnreadableLoadError
        A file of a load is gone or damaged.
    """
    groups = connection.execute(_GROUPS, [view.name]).fetchall()
    if lost is None or not groups:
        _write_view(connection, view, groups)
        return
    refusing = _refusing_select(view, groups[0][0], f"{lost} {lost.next_step}")
    connection.execute(f'CREATE OR REPLACE VIEW evidence."{view.name}" AS {refusing}')


def create_views(
    connection: duckdb.DuckDBPyConnection, views: Sequence[StreamView]
) -> None:
    """Write the views of several streams, of which most have no load.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, open for writing.
    views : sequence of StreamView
        The streams.
    """
    loaded = {
        stream
        for (stream,) in connection.execute(
            "SELECT DISTINCT stream FROM catalogue.loads"
        ).fetchall()
    }
    for view in views:
        if view.name in loaded:
            replace_view(connection, view)
        else:
            _write_view(connection, view, [])


def _write_view(
    connection: duckdb.DuckDBPyConnection,
    view: StreamView,
    groups: Sequence[tuple[str, str | None, str, Sequence[str]]],
) -> None:
    names = named_columns(connection) if view.named_into and groups else ()
    try:
        body = " UNION ALL ".join(
            _group_select(
                view,
                source,
                load_id,
                with_named_columns(connection, view, projection, files[0], names),
                files,
            )
            for source, load_id, projection, files in groups
        )
        connection.execute(
            f'CREATE OR REPLACE VIEW evidence."{view.name}" AS {body or _empty(view)}'
        )
    except duckdb.Error as error:
        refusal = _refusal(connection, groups, error)
        if refusal is None:
            raise
        refusal.stream = view.name
        raise refusal from error


def is_damage(error: duckdb.Error) -> bool:
    """Check if a file is at fault, and neither the machine nor the query."""
    kinds = (
        *(duckdb.IOException, duckdb.InvalidInputException),
        # A type in a footer that no file of ours has.
        duckdb.NotImplementedException,
    )
    # A truncated page is reported by an error without a kind: "Out of buffer".
    is_of_a_file = isinstance(error, kinds) or type(error) is duckdb.Error
    return is_of_a_file and machine_trouble(error) is None


def _refusal(
    connection: duckdb.DuckDBPyConnection,
    groups: Sequence[tuple[str, str | None, str, Sequence[str]]],
    error: duckdb.Error,
) -> UnreadableLoadError | None:
    """Return the fault of a lake file; None if the fault is elsewhere."""
    if not is_damage(error):
        return None
    files = [file for *_, of_group in groups for file in of_group]
    name, why = next(_unreadable(connection, files), ("", ""))
    if not name:
        return None
    load_id = Path(name).parent.name
    return UnreadableLoadError(
        f"A file of load {load_id} cannot be read: {why}. Nothing was changed.",
        where=name,
        next_step="Restore that file from a backup and run again. Or take the load"
        f" back: triptych withdraw {load_id} --because TEXT.",
    )


def _unreadable(
    connection: duckdb.DuckDBPyConnection, files: Sequence[str]
) -> Iterator[tuple[str, str]]:
    for file in files:
        if is_in_place(file):
            continue  # whoever reads it is told by its source
        try:
            connection.execute(f"SELECT 1 FROM read_parquet({read_name(file)}) LIMIT 0")
        except duckdb.Error as error:
            if not is_damage(error):
                return
            text = str(error).splitlines()[0].partition(": ")[2].rstrip(".")
            is_gone = text.startswith("No files found")
            yield file, "it is gone" if is_gone else f"the engine says: {text}"


def _empty(view: StreamView) -> str:
    columns = [f'CAST(NULL AS {type_}) AS "{name}"' for name, type_ in view.columns]
    columns += [
        "CAST(NULL AS VARCHAR) AS _source",
        "CAST(NULL AS VARCHAR) AS _load_id",
        "CAST(NULL AS VARCHAR) AS _source_uri",
    ]
    return f"SELECT {', '.join(columns)} WHERE false"


def _group_select(
    view: StreamView,
    source: str,
    load_id: str | None,
    projection: str,
    files: Sequence[str],
) -> str:
    if is_in_bucket(files[0]):
        return _refusing_select(view, source, in_bucket_refusal(source))
    known = {name for name, _ in view.columns}
    items = {
        name: item for name, item in json.loads(projection).items() if name in known
    }
    columns = [
        f'{items.get(name, f"CAST(NULL AS {type_})")} AS "{name}"'
        for name, type_ in view.columns
    ]
    load = f"parse_path({_FILE})[-2]" if load_id is None else literal(load_id)
    columns += [
        f"{literal(source)} AS _source",
        f"{load} AS _load_id",
        f"{_FILE} AS _source_uri",
    ]
    listed = ", ".join(read_name(file) for file in files)
    return (
        f"SELECT {', '.join(columns)} FROM read_parquet([{listed}],"
        f" filename = '{_FILE}', hive_partitioning = false)"
    )


def _refusing_select(view: StreamView, source: str, why: str) -> str:
    """Return a query that raises the reason instead of partial rows.

    Each column refuses, because a NULL would let a filter discard the branch unread.
    """
    refusal = f"error({literal(why)})"
    columns = [
        f'CAST({refusal} AS {type_}) AS "{name}"' for name, type_ in view.columns
    ]
    columns += [
        f"{literal(source)} AS _source",
        f"CAST({refusal} AS VARCHAR) AS _load_id",
        f"CAST({refusal} AS VARCHAR) AS _source_uri",
    ]
    return f"SELECT {', '.join(columns)} FROM range(1) WHERE {refusal}"
