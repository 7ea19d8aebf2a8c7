"""Restore lost or damaged files from sources with the same delivery.

A file of the lake is only replaced by a file with the checksum that was recorded. A
text file may come to rest as other bytes by another version: then its load, if it
counts, is read again by the next run and takes the place of the damaged load.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ingest.engine.lake import open_catalogue, places_of
from ingest.engine.runner import EngineLimits, IngestRunner
from ingest.reading.malformed import BAD_DATA
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.manifests import catalogued_loads, write_manifests
from triptych.core.lock import hold_run_lock
from triptych.core.progress import SilentProgress
from triptych.core.warehouse.bi_files import BiFolder
from triptych.core.warehouse.reader import PublishedReader
from triptych.evidence.kept_files import (
    BI_FILE,
    LAKE_FILE,
    MANIFEST_FILE,
    Difference,
    EvidenceReport,
    verify_evidence,
)
from triptych.run.recorded_run import bound_connectors

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from ingest.engine.landed_loads import LandedDelivery
    from triptych.core.lake.loads import NewLoad
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RepairReport:
    """Restored files, loads for the next run, and remaining differences."""

    repaired: tuple[str, ...]
    read_again: tuple[str, ...]
    evidence: EvidenceReport


def repair(
    workspace: Workspace, settings: Settings, *, progress: Progress
) -> RepairReport:
    """Compare every byte, and restore files that unchanged sources still have.

    Raises
    ------
    RunLockedError
        A run is going on.
    """
    with hold_run_lock(workspace.lock_file):
        differences = verify_evidence(workspace).differences
        _write_manifests(workspace, differences)
        if any(each.kind == BI_FILE for each in differences):
            _write_bi_files(workspace, settings)
        read_again = _fetch(workspace, settings, differences, progress)
        left = verify_evidence(workspace)
    still = {each.where for each in left.differences}
    repaired = tuple(each.where for each in differences if each.where not in still)
    return RepairReport(repaired, tuple(read_again), left)


def _write_manifests(workspace: Workspace, differences: Iterable[Difference]) -> None:
    load_ids = [each.load_id for each in differences if each.kind == MANIFEST_FILE]
    if load_ids:
        with connect(
            workspace.raw_database, root=workspace.root, read_only=True
        ) as connection:
            write_manifests(connection, workspace.lake, load_ids)


def _write_bi_files(workspace: Workspace, settings: Settings) -> None:
    folder = BiFolder(workspace.bi_dir, settings.bi, settings.warehouse.keep_runs)
    folder.write_again(PublishedReader(workspace.root).snapshot().path)


def _fetch(
    workspace: Workspace,
    settings: Settings,
    differences: Iterable[Difference],
    progress: Progress,
) -> list[str]:
    """Put files of loads back; return the loads that the next run reads again."""
    load_ids = sorted({each.load_id for each in differences if each.kind == LAKE_FILE})
    if not load_ids:
        return []
    with connect(
        workspace.raw_database, root=workspace.root, read_only=True
    ) as connection:
        damaged = catalogued_loads(connection, load_ids)
    names = {source.name for source in settings.sources}
    by_source: dict[str, list[NewLoad]] = {}
    for load in damaged:
        if load.source in names:
            by_source.setdefault(load.source, []).append(load)
    read_again: list[str] = []
    for source, loads in by_source.items():
        with progress.task(f"repair {source}"):
            read_again += _fetch_from(workspace, settings, source, loads)
    _forget_fingerprints(workspace, read_again)
    return read_again


def _fetch_from(
    workspace: Workspace, settings: Settings, source: str, loads: Sequence[NewLoad]
) -> Iterator[str]:
    """Restore a source's files; yield loads that rest as other bytes."""
    warehouse = settings.warehouse
    runner = IngestRunner(
        places_of(workspace),
        run_id="repair",
        limits=EngineLimits(warehouse.memory_limit, warehouse.threads),
        progress=SilentProgress(),
    )
    (connector,) = bound_connectors(workspace, settings, [source])
    wanted = {(load.stream, load.scope) for load in loads}
    try:
        for landed in runner.land_again(connector, wanted):
            for load in loads:
                is_same = landed.load.checksums == load.checksums
                if is_same and not _put_back(workspace, landed, load):
                    yield load.load_id
    except BAD_DATA:
        return  # what the source cannot deliver stays in the list of what differs


def _put_back(workspace: Workspace, landed: LandedDelivery, load: NewLoad) -> bool:
    """Move files of a load into the lake; return whether all are as recorded."""
    recorded = {Path(file.file).name: file for file in load.files_at_rest}
    fetched = {Path(file.file).name: file for file in landed.load.files_at_rest}
    if {name: file.checksum for name, file in fetched.items()} != {
        name: file.checksum for name, file in recorded.items()
    }:
        return False
    for name, file in recorded.items():
        target = workspace.root / file.file
        target.parent.mkdir(parents=True, exist_ok=True)
        (landed.folder / "parts" / name).replace(target)
    return True


def _forget_fingerprints(workspace: Workspace, load_ids: Sequence[str]) -> None:
    """Have the next run read loads again, though their deliveries are the same."""
    if load_ids:
        with open_catalogue(places_of(workspace)) as catalogue:
            catalogue.forget_fingerprints(load_ids)
