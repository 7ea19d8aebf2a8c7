"""Giving loads another source: they stay where they are, and count under a new name.

The folder of a load and its manifest keep the name under which it was landed, and the
audit log records its later name: the catalogue can be rebuilt from both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from triptych.core.lake import withdrawals

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    import duckdb

#: Entry of the audit log; ``load_ids`` of its detail are called ``new_name`` since.
SOURCE_RENAMED: Final = "source_renamed"
#: Entries after which loads differ from their manifests.
LOAD_CHANGES: Final = (
    withdrawals.LOADS_WITHDRAWN,
    withdrawals.WITHDRAWAL_UNDONE,
    SOURCE_RENAMED,
)

_REMEMBER = (
    "INSERT INTO catalogue.renamed_loads SELECT load_id, source FROM catalogue.loads"
    " WHERE list_contains($load_ids, load_id) ON CONFLICT DO NOTHING"
)
_RENAME = (
    "UPDATE catalogue.{} SET source = $new WHERE list_contains($load_ids, load_id)"
)
_MOVE_STATE = (
    "UPDATE catalogue.sources SET source = $new WHERE source = $old"
    " AND $new NOT IN (SELECT source FROM catalogue.sources)"
)
_FORGET_STATE = (
    "DELETE FROM catalogue.sources WHERE source = $source"
    " AND $source NOT IN (SELECT source FROM catalogue.loads WHERE status = 'current')"
)
_HAS_NAMES = (
    "SELECT count(*) FROM duckdb_tables() WHERE schema_name = 'catalogue'"
    " AND table_name = 'renamed_loads' AND database_name = current_database()"
)


def apply(
    connection: duckdb.DuckDBPyConnection,
    event: str,
    load_ids: Sequence[str],
    at: datetime,
    detail: Mapping[str, Any],
) -> None:
    """Apply an audit log entry to loads, in the open transaction.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        ``raw.duckdb``, open for writing.
    event, load_ids, at, detail
        The entry; ``at`` is UTC, without zone. Other events than
        :data:`LOAD_CHANGES` change no load.
    """
    if event == SOURCE_RENAMED:
        _rename(connection, load_ids, detail["target"], detail["new_name"])
    elif event in LOAD_CHANGES:
        is_whole = bool(detail.get("is_whole_source"))
        withdrawals.apply(connection, event, load_ids, at, is_whole_source=is_whole)
    if detail.get("is_over"):
        # Nothing more is expected of it, and nothing late.
        connection.execute(
            "DELETE FROM catalogue.sources WHERE source = ?", [detail["target"]]
        )


def landed_sources(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the names under which loads were landed that have another name now."""
    # A catalogue that was last written by an earlier version has no such table.
    if not connection.execute(_HAS_NAMES).fetchall()[0][0]:
        return {}
    return dict(connection.execute("FROM catalogue.renamed_loads").fetchall())


def _rename(
    connection: duckdb.DuckDBPyConnection,
    load_ids: Sequence[str],
    old_name: str,
    new_name: str,
) -> None:
    ids = list(load_ids)
    connection.execute(_REMEMBER, {"load_ids": ids})
    for table in ("loads", "quarantine"):
        connection.execute(_RENAME.format(table), {"load_ids": ids, "new": new_name})
    connection.execute(_MOVE_STATE, {"old": old_name, "new": new_name})
    connection.execute(_FORGET_STATE, {"source": old_name})
