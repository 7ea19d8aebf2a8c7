"""Rebuilds the catalogue from the lake's own records.

Every load folder has its manifest, and the lake a copy of the audit log: the log has
the time and order in which loads were committed and removed and months were closed; the
manifests describe the loads. The rebuilt catalogue has the contents of the lost
catalogue, so that the same marts are built from it and closed months stay closed.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from ingest.engine.lake import stream_views
from ingest.engine.unknown_loads import folders_of_loads, half_moved, listed
from triptych.core.errors import TriptychError
from triptych.core.lake import lake_log
from triptych.core.lake.catalogue import COMMITTED, Catalogue
from triptych.core.lake.in_place import file_checksum
from triptych.core.lake.manifests import MANIFEST, manifests_in, read_manifest
from triptych.core.lake.source_names import LOAD_CHANGES
from triptych.core.lock import hold_run_lock

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from triptych.core.lake.loads import NewLoad
    from triptych.core.workspace import Workspace


#: In the lake; a name with a dot is the name of no stream.
UNCOMMITTED: Final = ".uncommitted"


class RecoveryError(TriptychError):
    """The lake does not hold all that the catalogue would name."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class RecoveryReport:
    """Contents found in the lake, and the fate of the previous catalogue.

    ``replaced`` is where the former ``raw.duckdb`` was put; ``None`` where there was
    none, or where nothing was changed. ``uncommitted`` are folders that hold no load:
    they have no manifest and no entry of the log names them, as when a program died
    before it committed. They are moved to ``lake/.uncommitted``.
    """

    load_count: int
    entry_count: int
    unrecorded: tuple[str, ...]
    is_applied: bool
    replaced: Path | None = None
    uncommitted: tuple[str, ...] = ()


def recover(workspace: Workspace, *, is_applied: bool = True) -> RecoveryReport:
    """Rebuild ``raw.duckdb`` from the lake.

    Parameters
    ----------
    workspace : Workspace
        Workspace to recover.
    is_applied : bool
        True to put the new catalogue in the place of the old catalogue, which is kept
        under another name; else only look.

    Raises
    ------
    RecoveryError
        A load of the log has no manifest, or a file of a load is missing or differs;
        nothing was changed.
    StaleCatalogueError
        The lake's log cannot be read.
    AuditLogError
        The lake's log differs from the log written.
    """
    with hold_run_lock(workspace.lock_file):
        loads = {
            load.load_id: load
            for load in map(read_manifest, manifests_in(workspace.lake))
        }
        entries = lake_log.read_log(workspace.lake)
        if not loads and not entries:
            raise RecoveryError(
                "The lake holds no load and no audit log: there is nothing to recover.",
                where=str(workspace.lake),
                next_step="Restore the lake from a backup.",
            )
        _refuse_incomplete(workspace, loads, entries)
        fresh = workspace.warehouse_dir / ".raw.recovered.duckdb"
        unrecorded = _write(workspace, fresh, loads, entries)
        uncommitted = _uncommitted_folders(workspace.lake)
        replaced = None
        if is_applied:
            replaced = _put_in_place(workspace, fresh)
            _set_aside(workspace.lake, uncommitted)
        _remove(fresh)
    names = tuple(folder.name for folder in uncommitted)
    return RecoveryReport(
        len(loads), len(entries), unrecorded, is_applied, replaced, names
    )


def _uncommitted_folders(lake: Path) -> list[Path]:
    """Return folders of loads without a manifest that no run is about to finish."""
    moving = half_moved(lake)
    return sorted(
        folder
        for folder in folders_of_loads(lake)
        if folder.name not in moving and not (folder / MANIFEST).exists()
    )


def _set_aside(lake: Path, folders: Sequence[Path]) -> None:
    """Move folders out of the streams, and keep their contents."""
    for folder in folders:
        target = lake / UNCOMMITTED / folder.name
        target.parent.mkdir(exist_ok=True)
        shutil.move(folder, target)


def _refuse_incomplete(
    workspace: Workspace,
    loads: Mapping[str, NewLoad],
    entries: Sequence[tuple[Any, ...]],
) -> None:
    committed = [
        load_id
        for event, _, batch, _ in _steps(entries)
        if event == COMMITTED
        for load_id in batch
    ]
    lost = [load_id for load_id in committed if load_id not in loads]
    wrong = [
        file.file
        for load in loads.values()
        for file in load.files_at_rest
        if not _is_as_written(workspace.root / file.file, file.checksum)
    ]
    for names, kind, what in (
        (lost, "load", "of the audit log without a manifest"),
        (wrong, "file", "missing, or not what was written"),
    ):
        if names:
            raise RecoveryError(
                f"The lake is not whole: {listed(names, kind)} {what}. Nothing was"
                " changed.",
                where=str(workspace.lake),
                next_step="Restore the lake from a backup, then recover again.",
            )


def _is_as_written(path: Path, checksum: str) -> bool:
    try:
        return file_checksum(path) == checksum
    except OSError:
        return False


def _steps(
    entries: Sequence[tuple[Any, ...]],
) -> Iterator[tuple[str, datetime, list[str], dict[str, Any]]]:
    """Yield changes of loads in order: event, moment, loads and detail.

    Loads of the same transaction have the same moment, and come together.
    """
    batch: list[str] = []
    moment: datetime | None = None
    for _, at, event, detail, *_ in entries:
        if batch and moment is not None and (event, at) != (COMMITTED, moment):
            yield COMMITTED, moment, batch, {}
            batch = []
        if event == COMMITTED:
            batch.append(json.loads(detail)["load_id"])
            moment = at
        elif event in LOAD_CHANGES:
            changed = json.loads(detail)
            yield event, at, changed["load_ids"], changed
    if batch and moment is not None:
        yield COMMITTED, moment, batch, {}


def _write(
    workspace: Workspace,
    fresh: Path,
    loads: Mapping[str, NewLoad],
    entries: Sequence[tuple[Any, ...]],
) -> tuple[str, ...]:
    """Write the catalogue; return the loads that no entry of the log names."""
    _remove(fresh)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    left = dict(loads)
    with Catalogue(
        fresh, root=workspace.root, streams=stream_views(), is_recovery=True
    ) as catalogue:
        for event, at, batch, detail in _steps(entries):
            if event == COMMITTED:
                catalogue.put_again([left.pop(load_id) for load_id in batch], at=at)
            else:
                catalogue.withdraw_again(event, detail, at=at)
        catalogue.finish_recovery(entries, lake_log.read_sources(workspace.lake))
        # Committed right before the end of a process and of the catalogue. Loads that
        # were only being moved are removed by the next run, and delivered again.
        moving = half_moved(workspace.lake)
        unrecorded = [load for load_id, load in sorted(left.items())]
        unrecorded = [load for load in unrecorded if load.load_id not in moving]
        if unrecorded:
            catalogue.commit(unrecorded)
    return tuple(load.load_id for load in unrecorded)


def _put_in_place(workspace: Workspace, fresh: Path) -> Path | None:
    former, replaced = workspace.raw_database, None
    if former.exists():
        now = datetime.now(UTC)
        replaced = former.with_name(f"{former.name}.replaced-{now:%Y%m%dT%H%M%SZ}")
        former.rename(replaced)
    former.with_name(f"{former.name}.wal").unlink(missing_ok=True)
    fresh.rename(former)
    return replaced


def _remove(fresh: Path) -> None:
    for file in (fresh, fresh.with_name(f"{fresh.name}.wal")):
        file.unlink(missing_ok=True)
