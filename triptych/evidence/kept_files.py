"""Compare evidence, manifests, published files and files for BI with their checksums.

``triptych verify --evidence`` reads every byte; a run some
(:mod:`triptych.evidence.scrubbing`).
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from itertools import starmap
from typing import TYPE_CHECKING, Any, Final

from triptych.core.errors import SourceError, TriptychError
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.in_place import file_checksum
from triptych.core.lake.manifests import (
    MANIFEST,
    catalogued_loads,
    load_folder,
    read_manifest,
)
from triptych.core.warehouse import published_checksum
from triptych.core.warehouse.bi_files import recorded_bi_files
from triptych.core.warehouse.published_checksum import recorded_checksum
from triptych.evidence.scrub_state import ScrubState, read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    import duckdb

    from triptych.core.lake.loads import NewLoad
    from triptych.core.workspace import Workspace

    Row = tuple[Any, ...]

LAKE_FILE: Final = "lake file"
MANIFEST_FILE: Final = "manifest"
PUBLISHED_FILE: Final = "published file"
BI_FILE: Final = "file for BI"

#: So many files in doubt are written down.
_MOST_DOUBTFUL: Final = 200
_SHOWN: Final = 3

#: Withdrawn files may be gone: that is a way out of a lost file. Ends in a relation
#: that ``WHERE file …`` can follow.
SOME: Final = """
SELECT load_id, source, status = 'current', file, files.byte_count, checksum
FROM catalogue.files_at_rest AS files JOIN (
    FROM catalogue.loads WHERE superseded_by IS DISTINCT FROM 'withdrawn'
) AS loads USING (load_id)
"""
#: Loads of an early version have no checksums of the files at rest.
_AT_REST = f"""
{SOME}
UNION ALL
SELECT load_id, source, status = 'current', file, NULL, ''
FROM (SELECT *, unnest(files) AS file FROM catalogue.loads)
WHERE NOT starts_with(file, '/') AND NOT starts_with(file, 's3://')
    AND superseded_by IS DISTINCT FROM 'withdrawn'
    AND load_id NOT IN (SELECT load_id FROM catalogue.files_at_rest)
ORDER BY 4
"""
_REPAIR = 'Run "triptych verify --evidence --repair"'
_NEXT_STEPS: Final = {
    LAKE_FILE: f"{_REPAIR}: it fetches what the source still has; else restore this"
    " file from a backup.",
    MANIFEST_FILE: f"{_REPAIR}: it is written again from raw.duckdb.",
    PUBLISHED_FILE: 'Run "triptych build --full" to publish again, or restore this file'
    " from a backup. Delete it if it is of an earlier run that nobody needs.",
    BI_FILE: f"{_REPAIR}: it is written again from the published file.",
}
_REPLACED = "Restore this file from a backup: its load was replaced by a later one."


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file with its record; ``checksum`` is empty if it was not recorded."""

    path: Path
    kind: str
    byte_count: int | None = None
    checksum: str = ""
    load_id: str = ""
    source: str = ""
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is gone or differs from its record, and the remedy."""

    where: str
    kind: str
    what: str
    next_step: str
    load_id: str = ""
    source: str = ""

    def __str__(self) -> str:
        """Return it as a sentence with its file."""
        return f"{self.where}: {self.what} {self.next_step}"


class DamagedEvidenceError(SourceError):
    """Files of evidence, manifests, published or BI files are gone or damaged."""


@dataclass(frozen=True, slots=True)
class EvidenceReport:
    """Amount compared, in files and bytes, and the differences."""

    file_count: int
    byte_count: int
    differences: tuple[Difference, ...]


def verify_evidence(workspace: Workspace) -> EvidenceReport:
    """Compare every byte of the kept files with the recorded checksums.

    Raises
    ------
    RunLockedError
        A run is writing the catalogue.
    StaleCatalogueError
        The catalogue cannot be read.
    """
    with _catalogue(workspace) as connection:
        files = [*_in_lake(workspace, connection), *published_files(workspace)]
        kept = {file.load_id for file in files}
        loads = [each for each in catalogued_loads(connection) if each.load_id in kept]
    compared = (_compare_sealed(workspace, file) for file in files)
    differences = [each for each in compared if each]
    manifests = [(_manifest(workspace, load), load) for load in loads]
    differences += [each for each in starmap(_of_manifest, manifests) if each]
    sizes = [file.byte_count or 0 for file in files]
    report = EvidenceReport(len(files) + len(manifests), sum(sizes), tuple(differences))
    write_state(workspace, ScrubState(time.time_ns(), doubtful=places(differences)))
    return report


def missing_evidence(workspace: Workspace) -> tuple[Difference, ...]:
    """Return the files that are gone, have another size, or were found in doubt."""
    if not workspace.raw_database.exists():
        return ()
    doubtful = set(read_state(workspace).doubtful)
    with _catalogue(workspace) as connection:
        files = [*_listed(workspace, connection), *published_files(workspace)]
    compared = (
        compare(file) if str(file.path) in doubtful else compare_size(file)
        for file in files
    )
    return tuple(each for each in compared if each is not None)


def refuse_damaged(named: Sequence[object]) -> None:
    """End a command that named damaged files above.

    Raises
    ------
    DamagedEvidenceError
        There is such a file.
    """
    if named:
        raise DamagedEvidenceError(
            "Files of evidence are gone or damaged.",
            next_step="Each is listed above with what to do.",
        )


def in_short(differences: Sequence[Difference]) -> tuple[str, ...]:
    """Return the first differences as sentences, and the number of the rest."""
    shown = [str(each) for each in differences[:_SHOWN]]
    left = len(differences) - len(shown)
    more = f'{left:,} more files differ: "triptych verify --evidence" lists them.'
    return tuple([*shown, more] if left else shown)


def _catalogue(workspace: Workspace) -> Any:  # noqa: ANN401  (a context manager)
    return connect(workspace.raw_database, root=workspace.root, read_only=True)


def _in_lake(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection
) -> Iterator[KeptFile]:
    """Yield the files of loads that were not pruned."""
    for row in connection.execute(_AT_REST).fetchall():
        yield lake_file(workspace.root, row)


def lake_file(root: Path, row: Row) -> KeptFile:
    """Return a file of a load, from its row."""
    load_id, source, is_current, file, byte_count, checksum = row
    return KeptFile(
        root / file, LAKE_FILE, byte_count, checksum, load_id, source, is_current
    )


def with_manifest(file: KeptFile) -> tuple[KeptFile, ...]:
    """Return a file, and the manifest in its folder where it is of a load."""
    if file.kind != LAKE_FILE:
        return (file,)
    manifest = file.path.with_name(MANIFEST)
    return file, replace(
        file, path=manifest, kind=MANIFEST_FILE, byte_count=None, checksum=""
    )


def _listed(
    workspace: Workspace, connection: duckdb.DuckDBPyConnection
) -> Iterator[KeptFile]:
    """Yield the files of loads, each with the manifest in its folder."""
    in_lake = _in_lake(workspace, connection)
    yield from dict.fromkeys(each for file in in_lake for each in with_manifest(file))


def published_files(workspace: Workspace) -> Iterator[KeptFile]:
    """Yield published files and files for BI with their checksums."""
    for path in sorted(workspace.published_dir.glob("[!.]*.duckdb")):
        recorded = recorded_checksum(path)
        if recorded is not None:
            yield KeptFile(path, PUBLISHED_FILE, recorded.byte_count, recorded.sha256)
    for path, size, checksum in recorded_bi_files(workspace.bi_dir / "current"):
        yield KeptFile(path, BI_FILE, size, checksum)


def _manifest(workspace: Workspace, load: NewLoad) -> KeptFile:
    path = load_folder(workspace.lake, load) / MANIFEST
    return KeptFile(path, MANIFEST_FILE, load_id=load.load_id, source=load.source)


def _of_manifest(file: KeptFile, load: NewLoad) -> Difference | None:
    """Return the difference of a manifest from the catalogue's load."""
    if (gone := compare_size(file)) is not None:
        return gone
    try:
        is_same = _comparable(read_manifest(file.path)) == _comparable(load)
    except TriptychError as error:
        return _differing(file, error.what)
    if is_same:
        return None
    return _differing(file, "The manifest is not what raw.duckdb has of its load.")


def _comparable(load: NewLoad) -> NewLoad:
    """Return a load in the order and the form in which any two are compared."""
    return replace(
        load,
        quarantined=tuple(sorted(load.quarantined, key=repr)),
        totals=tuple(sorted(load.totals, key=repr)),
        files_at_rest=tuple(sorted(load.files_at_rest, key=repr)),
        files_in_place=tuple(sorted(load.files_in_place, key=repr)),
        quarantined_row_count=None,
    )


def compare_size(file: KeptFile) -> Difference | None:
    """Return how a file differs by its size; no byte of it is read."""
    try:
        size = file.path.stat().st_size
    except OSError:
        return _differing(file, f"The {file.kind} is gone.")
    if file.byte_count is not None and size != file.byte_count:
        return _differing(
            file, f"The {file.kind} has {size:,} bytes, and had {file.byte_count:,}."
        )
    return None


def compare(file: KeptFile) -> Difference | None:
    """Return how a file differs by its size or its bytes."""
    if (gone := compare_size(file)) is not None or not file.checksum:
        return gone
    try:
        is_same = file_checksum(file.path) == file.checksum
    except OSError as error:
        return _differing(file, f"The {file.kind} cannot be read: {error.strerror}.")
    if is_same:
        return None
    return _differing(file, f"The {file.kind} has other bytes than were written.")


def _compare_sealed(workspace: Workspace, file: KeptFile) -> Difference | None:
    """Return how a file differs, or the checksum that was sealed with it."""
    is_published = file.kind == PUBLISHED_FILE
    if (differs := compare(file)) is not None or not is_published:
        return differs
    text = published_checksum.difference(file.path, workspace.root)
    return None if text is None else _differing(file, text)


def _differing(file: KeptFile, what: str) -> Difference:
    is_replaced = file.kind == LAKE_FILE and not file.is_current
    next_step = _REPLACED if is_replaced else _NEXT_STEPS[file.kind]
    where = str(file.path)
    return Difference(where, file.kind, what, next_step, file.load_id, file.source)


def places(differences: Iterable[Difference]) -> tuple[str, ...]:
    """Return where the first differing files are."""
    return tuple(each.where for each in differences)[:_MOST_DOUBTFUL]
