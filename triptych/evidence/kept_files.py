"""Compare evidence, manifests, published files and files for BI with their checksums.

A run looks at as many as one hundredth of its time allows, and goes on there at the
next one: at the size of each, then at the bytes of some. What it finds in doubt is
written down and looked at again by health, ``check`` and ``audit verify``.
``triptych verify --evidence`` reads every byte.
"""

from __future__ import annotations

import json
import math
import time
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from itertools import starmap
from typing import TYPE_CHECKING, Any, Final

from triptych.core.errors import SourceError, TriptychError
from triptych.core.file_names import literal
from triptych.core.lake.catalogue_file import connect
from triptych.core.lake.in_place import file_checksum
from triptych.core.lake.manifests import (
    MANIFEST,
    catalogued_loads,
    load_folder,
    read_manifest,
)
from triptych.core.warehouse.bi_files import recorded_bi_files
from triptych.core.warehouse.published_checksum import recorded_checksum

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    import duckdb

    from triptych.core.lake.loads import NewLoad
    from triptych.core.workspace import Workspace

    Row = tuple[Any, ...]

LAKE_FILE: Final = "lake file"
MANIFEST_FILE: Final = "manifest"
PUBLISHED_FILE: Final = "published file"
BI_FILE: Final = "file for BI"

#: Of the time of a run, for comparing.
_RATIO: Final = 0.01
#: What a slow machine reads and digests in half a second.
_BYTES_PER_SECOND: Final = 150_000_000
#: No more is saved up for one large file.
_MOST_CREDIT: Final = 50 * _BYTES_PER_SECOND
#: Time that runs saved up is spent by one run up to here.
_MOST_SAVED_SECONDS: Final = 5.0
#: So many files in doubt are written down.
_MOST_DOUBTFUL: Final = 200
_SHOWN: Final = 3
_STATE: Final = "evidence.json"

#: What was withdrawn may be gone: that is a way out of a lost file.
_SOME = """
SELECT load_id, source, status = 'current', file, files.byte_count, checksum
FROM catalogue.files_at_rest AS files JOIN (
    FROM catalogue.loads WHERE superseded_by IS DISTINCT FROM 'withdrawn'
) AS loads USING (load_id)
"""
#: Loads of an early version have no checksums of what rests.
_AT_REST = f"""
{_SOME}
UNION ALL
SELECT load_id, source, status = 'current', file, NULL, ''
FROM (SELECT *, unnest(files) AS file FROM catalogue.loads)
WHERE NOT starts_with(file, '/') AND NOT starts_with(file, 's3://')
    AND superseded_by IS DISTINCT FROM 'withdrawn'
    AND load_id NOT IN (SELECT load_id FROM catalogue.files_at_rest)
ORDER BY 4
"""
#: The most files whose bytes are read in a run.
_MOST_READ: Final = 1_000
#: The fewest files whose size a run compares; one query and two milliseconds.
_FEWEST_SEEN: Final = 200
#: Files that are listed and looked at in half a second, without their bytes.
_FILES_PER_SECOND: Final = 20_000
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
    """A file with what was recorded of it; an empty ``checksum`` was not recorded."""

    path: Path
    kind: str
    byte_count: int | None = None
    checksum: str = ""
    load_id: str = ""
    source: str = ""
    is_current: bool = True


@dataclass(frozen=True, slots=True)
class Difference:
    """A file that is gone or not as recorded, and what to do about it."""

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
    """What was compared, in files and bytes, and what differs."""

    file_count: int
    byte_count: int
    differences: tuple[Difference, ...]


@dataclass(frozen=True, slots=True)
class _State:
    """What a run leaves for the next.

    ``seen`` and ``read`` are the last files whose size and whose bytes were compared,
    below the workspace. ``credit`` is how many bytes may be read besides,
    ``saved_seconds`` how much time was not spent, below zero what was spent ahead [s].
    """

    at_ns: int = 0
    seen: str = ""
    read: str = ""
    credit: float = 0
    saved_seconds: float = 0
    doubtful: tuple[str, ...] = ()


def verify_evidence(workspace: Workspace) -> EvidenceReport:
    """Compare every byte of what is kept with the checksums that were recorded.

    Raises
    ------
    RunLockedError
        A run is writing the catalogue.
    StaleCatalogueError
        The catalogue cannot be read.
    """
    with _catalogue(workspace) as connection:
        files = [*_in_lake(workspace, connection), *_published(workspace)]
        kept = {file.load_id for file in files}
        loads = [each for each in catalogued_loads(connection) if each.load_id in kept]
    differences = [each for each in map(_difference, files) if each]
    manifests = [(_manifest(workspace, load), load) for load in loads]
    differences += [each for each in starmap(_of_manifest, manifests) if each]
    sizes = [file.byte_count or 0 for file in files]
    report = EvidenceReport(len(files) + len(manifests), sum(sizes), tuple(differences))
    _remember(workspace, _State(time.time_ns(), doubtful=_places(differences)))
    return report


def check_some(
    workspace: Workspace, ask: Callable[[str], list[Row]], run_seconds: float
) -> tuple[Difference, ...]:
    """Compare as much as a run may that has taken so long [s].

    Parameters
    ----------
    workspace : Workspace
        Where.
    ask : callable
        Answers SQL from the catalogue, which the run has open.
    run_seconds : float
        Of which one hundredth is spent.
    """
    began = time.perf_counter()
    state, seconds = _read_state(workspace), run_seconds * _RATIO
    saved = min(state.saved_seconds + seconds, _MOST_SAVED_SECONDS)
    listed = _Listed(workspace, ask)
    compared, left = _compare_some(listed, state, seconds, reads_bytes=saved > 0)
    spent = time.perf_counter() - began
    _remember(workspace, replace(left, saved_seconds=saved - spent))
    return compared


def _compare_some(
    listed: _Listed, state: _State, seconds: float, *, reads_bytes: bool
) -> tuple[tuple[Difference, ...], _State]:
    """Compare files for so many seconds; return what differs, and where to go on."""
    now = time.time_ns()
    count = max(math.ceil(seconds * _FILES_PER_SECOND), _FEWEST_SEEN)
    seen = listed.after(state.seen, count)
    compared = [_difference(each) for each in listed.named(state.doubtful)]
    compared += [_gone(each) for file in seen for each in _with_manifest(file)]
    credit = min(state.credit + seconds * _BYTES_PER_SECOND, _MOST_CREDIT)
    written = [file for file in seen if _written_at(file) > state.at_ns > 0]
    to_read = listed.after(state.read, _MOST_READ) if reads_bytes else []
    last = None
    for file in dict.fromkeys((*written, *to_read)):
        if (file.byte_count or 0) > credit:
            break
        credit -= file.byte_count or 0
        compared.append(_difference(file))
        last = file if file in to_read else last
    differences = {each.where: each for each in compared if each is not None}
    is_end = reads_bytes and to_read[-1:] == [last] and len(to_read) < _MOST_READ
    read = "" if is_end or (reads_bytes and not to_read) else state.read
    if last is not None and not is_end:
        read = listed.place(last)
    left = _State(
        now,
        listed.place(seen[-1] if len(seen) == count else None),
        read,
        credit,
        doubtful=_places(differences.values()),
    )
    return tuple(differences.values()), left


class _Listed:
    """Kept files in the order of their names below the workspace."""

    def __init__(self, workspace: Workspace, ask: Callable[[str], list[Row]]) -> None:
        self._root = workspace.root
        self._ask = ask
        self._published = sorted(_published(workspace), key=self._name)

    def _name(self, file: KeptFile) -> str:
        return file.path.relative_to(self._root).as_posix()

    def after(self, name: str, count: int) -> list[KeptFile]:
        """Return so many files after one; files of the lake come first."""
        sql = f"{_SOME} WHERE file > {literal(name)} ORDER BY file LIMIT {count}"
        files = [_lake_file(self._root, row) for row in self._ask(sql)]
        if len(files) < count:
            files += [each for each in self._published if self._name(each) > name]
        return files[:count]

    def named(self, paths: Sequence[str]) -> list[KeptFile]:
        """Return those of the paths that are still kept."""
        if not paths:
            return []
        names = [path.removeprefix(f"{self._root}/") for path in paths]
        listed = ", ".join(literal(name) for name in names)
        rows = self._ask(f"{_SOME} WHERE file IN ({listed})")
        files = [_lake_file(self._root, row) for row in rows]
        return files + [each for each in self._published if str(each.path) in paths]

    def place(self, file: KeptFile | None) -> str:
        """Return where to go on: after a file, or from the beginning."""
        return "" if file is None else self._name(file)


def missing_evidence(workspace: Workspace) -> tuple[Difference, ...]:
    """Return the files that are gone, have another size, or were found in doubt."""
    if not workspace.raw_database.exists():
        return ()
    doubtful = set(_read_state(workspace).doubtful)
    with _catalogue(workspace) as connection:
        files = [*_listed(workspace, connection), *_published(workspace)]
    compared = (
        _difference(file) if str(file.path) in doubtful else _gone(file)
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
    """Return the first differences as sentences, and how many there are besides."""
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
        yield _lake_file(workspace.root, row)


def _lake_file(root: Path, row: Row) -> KeptFile:
    load_id, source, is_current, file, byte_count, checksum = row
    return KeptFile(
        root / file, LAKE_FILE, byte_count, checksum, load_id, source, is_current
    )


def _with_manifest(file: KeptFile) -> tuple[KeptFile, ...]:
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
    yield from dict.fromkeys(each for file in in_lake for each in _with_manifest(file))


def _published(workspace: Workspace) -> Iterator[KeptFile]:
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
    """Return how a manifest differs from what the catalogue has of its load."""
    if (gone := _gone(file)) is not None:
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


def _gone(file: KeptFile) -> Difference | None:
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


def _difference(file: KeptFile) -> Difference | None:
    """Return how a file differs by its size or its bytes."""
    if (gone := _gone(file)) is not None or not file.checksum:
        return gone
    try:
        is_same = file_checksum(file.path) == file.checksum
    except OSError as error:
        return _differing(file, f"The {file.kind} cannot be read: {error.strerror}.")
    if is_same:
        return None
    return _differing(file, f"The {file.kind} has other bytes than were written.")


def _differing(file: KeptFile, what: str) -> Difference:
    is_replaced = file.kind == LAKE_FILE and not file.is_current
    next_step = _REPLACED if is_replaced else _NEXT_STEPS[file.kind]
    where = str(file.path)
    return Difference(where, file.kind, what, next_step, file.load_id, file.source)


def _written_at(file: KeptFile) -> int:
    """Return when a file was last written [ns]; 0 where it is gone."""
    try:
        return file.path.stat().st_mtime_ns
    except OSError:
        return 0


def _places(differences: Iterable[Difference]) -> tuple[str, ...]:
    return tuple(each.where for each in differences)[:_MOST_DOUBTFUL]


def _read_state(workspace: Workspace) -> _State:
    try:
        content = json.loads((workspace.runs_dir / _STATE).read_text("utf-8"))
        return _State(**content | {"doubtful": tuple(content["doubtful"])})
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return _State()  # everything is looked at from the beginning


def _remember(workspace: Workspace, state: _State) -> None:
    target = workspace.runs_dir / _STATE
    fresh = target.with_name(f".{_STATE}.new")
    # Lost with the machine's power it costs a second look, and no wait for the disk.
    with suppress(OSError):
        fresh.write_text(json.dumps(asdict(state)), "utf-8")
        fresh.replace(target)
