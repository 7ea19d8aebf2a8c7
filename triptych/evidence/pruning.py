"""Removes superseded loads that nothing can ask for any more.

A load that was replaced stays in the lake, as last month's figures must remain
explainable. It is needed as long as a closed month consisted of it or a kept published
run reads it: then its line items and the results of ``triptych explain`` come from its
files. After that it only takes up space.

A pruned load leaves its row in the catalogue, without files, and two entries of the
audit log: its commit, with its checksums, and the reason of its removal.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import duckdb

from triptych.core.errors import TriptychError, UsageError
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.manifests import (
    MANIFEST,
    catalogued_loads,
    load_folder,
    write_manifest,
)
from triptych.core.lake.superseded_loads import read_superseded_loads, record_pruning
from triptych.core.lock import hold_run_lock
from triptych.core.spare_engines import database_in_spare_engine
from triptych.core.warehouse.frozen_marts import LOCKED_STREAMS
from triptych.core.warehouse.locks import read_history

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from triptych.core.lake.superseded_loads import SupersededLoad
    from triptych.core.workspace import Workspace

IN_A_CLOSED_MONTH = "in a closed month"
READ_BY_A_PUBLISHED_RUN = "read by a published run that is kept"


@dataclass(frozen=True, slots=True)
class PrunedSource:
    """Number and size of a source's superseded loads that nothing needs."""

    source: str
    stream: str
    load_count: int
    byte_count: int


@dataclass(frozen=True, slots=True)
class PruneReport:
    """Loads that can be removed, or were.

    ``kept`` counts the superseded loads that stay, by reason. ``audit_log_hash`` is
    empty where nothing was removed.
    """

    load_ids: tuple[str, ...]
    sources: tuple[PrunedSource, ...]
    byte_count: int
    kept: dict[str, int]
    is_applied: bool = False
    audit_log_hash: str = ""


def prune(
    workspace: Workspace, *, is_applied: bool = False, because: str | None = None
) -> PruneReport:
    """List the superseded loads that nothing needs, or remove them.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the loads.
    is_applied : bool
        True to remove them; else nothing changes.
    because : str, optional
        Reason, for the audit log; needed to remove.

    Raises
    ------
    UsageError
        They are to be removed, and no reason is given.
    RunLockedError
        They are to be removed, and a run is going on.
    AuditLogError
        The audit log differs from the log written; nothing was removed.
    """
    if not is_applied:
        return _report(workspace, *_divided(workspace))
    reason = (because or "").strip()
    if not reason:
        raise UsageError(
            "Loads are only removed with a reason.",
            next_step='Give it: triptych prune --apply --because "…"; the audit log'
            " keeps it.",
        )
    with hold_run_lock(workspace.lock_file):
        needless, kept = _divided(workspace)
        report = _report(workspace, needless, kept)
        if report.load_ids:
            entry = record_pruning(
                workspace,
                list(report.load_ids),
                reason=reason,
                byte_count=report.byte_count,
            )
            report = replace(report, is_applied=True, audit_log_hash=entry.entry_hash)
        _remove_folders(workspace)
    return report


def _divided(
    workspace: Workspace,
) -> tuple[list[SupersededLoad], Counter[str]]:
    """Return the superseded loads that nothing needs, and how many are needed, why."""
    history = read_history(workspace)
    closed = {load_id for lock in history.locks for load_id in lock.load_ids}
    read = set(_read_by_published(workspace.published_dir))
    needless, kept = [], Counter[str]()
    for load in read_superseded_loads(workspace):
        if load.is_pruned:
            continue
        if load.load_id in closed or load.stream.startswith(LOCKED_STREAMS):
            kept[IN_A_CLOSED_MONTH] += 1
        elif load.load_id in read:
            kept[READ_BY_A_PUBLISHED_RUN] += 1
        else:
            needless.append(load)
    return needless, kept


def _read_by_published(folder: Path) -> Iterator[str]:
    """Yield the ids of the loads that any published file reads, current or kept.

    A file names the loads it was made of; a file published before files did so names
    them in the views that it keeps.
    """
    for path in sorted(folder.glob("[!.]*.duckdb")):
        try:
            with database_in_spare_engine(path, read_only=True) as published:
                yield from _read_by(published)
        except duckdb.Error as error:
            raise TriptychError(
                f"A published file cannot be read: {error}",
                where=str(path),
                next_step="What it needs is not known, so nothing is removed. Restore"
                " the file, or delete it.",
            ) from error


def _read_by(published: duckdb.DuckDBPyConnection) -> Iterator[str]:
    """Yield the ids of the loads that a published file was made of."""
    lineage = "SELECT table_name FROM duckdb_tables() WHERE schema_name = 'lineage'"
    tables = {name for (name,) in published.execute(lineage).fetchall()}
    for table, query in _LOADS_OF.items():
        if table in tables:
            yield from (load_id for (load_id,) in published.execute(query).fetchall())


#: The folder of a load is named after it, and is right above its files.
_IN_VIEWS = (
    "SELECT DISTINCT unnest(regexp_extract_all(sql,"
    " '([^/'']+)/part-[0-9]+\\.parquet', 1)) FROM lineage."
)
_LOADS_OF = {
    "loads": "SELECT load_id FROM lineage.loads",
    "views": f"{_IN_VIEWS}views",
    "evidence": f"{_IN_VIEWS}evidence",
}


def _report(
    workspace: Workspace, needless: Sequence[SupersededLoad], kept: Counter[str]
) -> PruneReport:
    sizes = {
        load.load_id: _size(workspace.root / load.folder, but_for=MANIFEST)
        for load in needless
    }
    return PruneReport(
        tuple(load.load_id for load in needless),
        tuple(_by_source(needless, sizes)),
        sum(sizes.values()),
        dict(kept),
    )


def _by_source(
    loads: Iterable[SupersededLoad], sizes: dict[str, int]
) -> Iterator[PrunedSource]:
    counts: Counter[tuple[str, str]] = Counter()
    bytes_: Counter[tuple[str, str]] = Counter()
    for load in loads:
        counts[load.source, load.stream] += 1
        bytes_[load.source, load.stream] += sizes[load.load_id]
    for key in sorted(counts):
        yield PrunedSource(*key, counts[key], bytes_[key])


def _size(folder: Path, *, but_for: str = "") -> int:
    if not folder.is_dir():
        return 0  # Its files stay where they were delivered.
    files = (path for path in folder.iterdir() if path.name != but_for)
    return sum(path.stat().st_size for path in files if path.is_file())


def _remove_folders(workspace: Workspace) -> None:
    """Remove the files of loads that the catalogue lists as pruned.

    Also of those that an earlier, interrupted removal left behind.
    """
    with_files = {
        load.load_id
        for load in read_superseded_loads(workspace)
        if load.is_pruned and _size(workspace.root / load.folder, but_for=MANIFEST)
    }
    if not with_files:
        return
    with connect(
        workspace.raw_database, root=workspace.root, read_only=True
    ) as catalogue:
        loads = catalogued_loads(catalogue, with_files)
    for load in loads:
        folder = load_folder(workspace.lake, load)
        # It describes the load, and no longer its content.
        write_manifest(folder, load)
        for file in folder.iterdir():
            if file.name != MANIFEST:
                file.unlink()
