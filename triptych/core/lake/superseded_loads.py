"""The loads that others have replaced, and taking their files off the catalogue."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.core.lake import audit_log, lake_log
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.journal_key import read_key
from triptych.core.lake.source_names import landed_sources

if TYPE_CHECKING:
    from collections.abc import Iterable

    import duckdb

    from triptych.core.lake.audit_log import AuditEntry
    from triptych.core.workspace import Workspace

PRUNED = "loads_pruned"

# The description of the loads stays on record; data needed only to read them goes.
_PRUNE = (
    "UPDATE catalogue.loads SET files = [], projections = [], spark_projections = [],"
    " signatures = []"
    " WHERE status = 'superseded' AND list_contains($loads, load_id)",
    "DELETE FROM catalogue.files_in_place WHERE list_contains($loads, load_id)",
    "DELETE FROM catalogue.files_at_rest WHERE list_contains($loads, load_id)",
    "DELETE FROM catalogue.quarantine WHERE list_contains($loads, load_id)",
)


@dataclass(frozen=True, slots=True)
class SupersededLoad:
    """A load that another has replaced.

    ``folder`` is its folder below the workspace; ``is_pruned`` is True if the catalogue
    no longer has its files.
    """

    load_id: str
    source: str
    stream: str
    folder: str
    is_pruned: bool


def read_superseded_loads(workspace: Workspace) -> list[SupersededLoad]:
    """Return the loads that do not count any more, oldest first."""
    if not workspace.raw_database.exists():
        return []
    lake = workspace.lake.relative_to(workspace.root).as_posix()
    with connect(
        workspace.raw_database, root=workspace.root, read_only=True
    ) as connection:
        rows = connection.execute(
            "SELECT load_id, source, stream, period, len(files) = 0"
            " FROM catalogue.loads WHERE status = 'superseded'"
            " AND superseded_by IS DISTINCT FROM 'withdrawn' ORDER BY load_id"
        ).fetchall()
        names = landed_sources(connection)
    loads = []
    for load_id, source, stream, period, is_pruned in rows:
        landed = names.get(load_id, source)
        folder = f"{lake}/{stream}/{landed}/{period}/{load_id}"
        loads.append(SupersededLoad(load_id, source, stream, folder, is_pruned))
    return loads


def record_pruning(
    workspace: Workspace, load_ids: list[str], *, reason: str, byte_count: int
) -> AuditEntry:
    """Remove superseded loads' files from the catalogue and log the reason.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the loads; the caller holds its run lock.
    load_ids : list of str
        Loads that are not current.
    reason : str
        Reason for the pruning.
    byte_count : int
        Size of their files.

    Raises
    ------
    AuditLogError
        The log differs from the log written; nothing was changed.
    """
    detail = {"reason": reason, "byte_count": byte_count, "load_ids": load_ids}
    with connect(workspace.raw_database, root=workspace.root) as connection:
        connection.execute(audit_log.SCHEMA)
        lake_log.catch_up(connection, workspace.lake)
        connection.execute("BEGIN")
        audit_log.read_verified(connection, key=read_key(workspace.root))
        _prune(connection, load_ids)
        entry = audit_log.append(connection, PRUNED, detail, root=workspace.root)
        connection.execute("COMMIT")
        lake_log.catch_up(connection, workspace.lake)
    return entry


def prune_again(
    connection: duckdb.DuckDBPyConnection, entries: Iterable[AuditEntry]
) -> None:
    """Remove from the catalogue the files that its log records as pruned."""
    for entry in entries:
        if entry.event == PRUNED:
            _prune(connection, list(entry.detail["load_ids"]))


def _prune(connection: duckdb.DuckDBPyConnection, load_ids: list[str]) -> None:
    for statement in _PRUNE:
        connection.execute(statement, {"loads": load_ids})
