"""Compare some evidence files in each run, within 1/100 of its time.

A run goes on where the last run stopped: at the size of each file, then at the bytes of
some. Differences are written down and looked at again by health, ``check`` and ``audit
verify``.
"""

from __future__ import annotations

import math
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from triptych.core.file_names import literal
from triptych.evidence.kept_files import (
    SOME,
    compare,
    compare_size,
    lake_file,
    places,
    published_files,
    with_manifest,
)
from triptych.evidence.scrub_state import ScrubState, read_state, write_state

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from triptych.core.workspace import Workspace
    from triptych.evidence.kept_files import Difference, KeptFile

    Row = tuple[Any, ...]

#: Of the time of a run, for comparing.
_RATIO: Final = 0.01
#: Bytes that a slow machine reads and digests in half a second.
_BYTES_PER_SECOND: Final = 150_000_000
#: No more is saved up for a single large file.
_MOST_CREDIT: Final = 50 * _BYTES_PER_SECOND
#: Time that runs saved up is spent by a single run up to here.
_MOST_SAVED_SECONDS: Final = 5.0
#: The most files read byte by byte in a run.
_MOST_READ: Final = 1_000
#: The fewest files compared by size in a run; a single query and two milliseconds.
_FEWEST_SEEN: Final = 200
#: Files that are listed and looked at in half a second, without their bytes.
_FILES_PER_SECOND: Final = 20_000


def check_some(
    workspace: Workspace, ask: Callable[[str], list[Row]], run_seconds: float
) -> tuple[Difference, ...]:
    """Compare as much as a run may that has taken so long [s].

    Parameters
    ----------
    workspace : Workspace
        Workspace to check.
    ask : callable
        Answers SQL from the catalogue, which the run has open.
    run_seconds : float
        Duration of the run, of which 1/100 is spent.
    """
    began = time.perf_counter()
    state, seconds = read_state(workspace), run_seconds * _RATIO
    saved = min(state.saved_seconds + seconds, _MOST_SAVED_SECONDS)
    listed = _Listed(workspace, ask)
    compared, left = _compare_some(listed, state, seconds, reads_bytes=saved > 0)
    spent = time.perf_counter() - began
    write_state(workspace, replace(left, saved_seconds=saved - spent))
    return compared


def _compare_some(
    listed: _Listed, state: ScrubState, seconds: float, *, reads_bytes: bool
) -> tuple[tuple[Difference, ...], ScrubState]:
    """Compare files for a time; return the differences and the next state."""
    now = time.time_ns()
    count = max(math.ceil(seconds * _FILES_PER_SECOND), _FEWEST_SEEN)
    seen = listed.after(state.seen, count)
    compared = [compare(each) for each in listed.named(state.doubtful)]
    compared += [compare_size(each) for file in seen for each in with_manifest(file)]
    credit = min(state.credit + seconds * _BYTES_PER_SECOND, _MOST_CREDIT)
    written = [file for file in seen if _written_at(file) > state.at_ns > 0]
    to_read = listed.after(state.read, _MOST_READ) if reads_bytes else []
    last = None
    for file in dict.fromkeys((*written, *to_read)):
        if (file.byte_count or 0) > credit:
            break
        credit -= file.byte_count or 0
        compared.append(compare(file))
        last = file if file in to_read else last
    differences = {each.where: each for each in compared if each is not None}
    is_end = reads_bytes and to_read[-1:] == [last] and len(to_read) < _MOST_READ
    read = "" if is_end or (reads_bytes and not to_read) else state.read
    if last is not None and not is_end:
        read = listed.place(last)
    left = ScrubState(
        now,
        listed.place(seen[-1] if len(seen) == count else None),
        read,
        credit,
        doubtful=places(differences.values()),
    )
    return tuple(differences.values()), left


class _Listed:
    """Kept files in the order of their names below the workspace."""

    def __init__(self, workspace: Workspace, ask: Callable[[str], list[Row]]) -> None:
        self._root = workspace.root
        self._ask = ask
        self._published = sorted(published_files(workspace), key=self._name)

    def _name(self, file: KeptFile) -> str:
        return file.path.relative_to(self._root).as_posix()

    def after(self, name: str, count: int) -> list[KeptFile]:
        """Return ``count`` files after a file; files of the lake come first."""
        sql = f"{SOME} WHERE file > {literal(name)} ORDER BY file LIMIT {count}"
        files = [lake_file(self._root, row) for row in self._ask(sql)]
        if len(files) < count:
            files += [each for each in self._published if self._name(each) > name]
        return files[:count]

    def named(self, paths: Sequence[str]) -> list[KeptFile]:
        """Return those of the paths that are still kept."""
        if not paths:
            return []
        names = [path.removeprefix(f"{self._root}/") for path in paths]
        listed = ", ".join(literal(name) for name in names)
        rows = self._ask(f"{SOME} WHERE file IN ({listed})")
        files = [lake_file(self._root, row) for row in rows]
        return files + [each for each in self._published if str(each.path) in paths]

    def place(self, file: KeptFile | None) -> str:
        """Return where to go on: after a file, or from the beginning."""
        return "" if file is None else self._name(file)


def _written_at(file: KeptFile) -> int:
    """Return when a file was last written [ns]; 0 where it is gone."""
    try:
        return file.path.stat().st_mtime_ns
    except OSError:
        return 0
