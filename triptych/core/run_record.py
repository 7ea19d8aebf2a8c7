"""Records of runs in ``runs/``: the newest run, and the active process.

A run rewrites its record at each step, so a record without a final step belongs to a
run that is under way, or was killed.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

#: Names the run that began last.
_LAST = "LAST"
#: Format of the beginning of a run id.
_STAMP: Final = "%Y%m%dT%H%M%S%fZ"
#: The most folders that a single run removes: a second or two.
_MOST_RETIRED: Final = 2_000
#: States in which a run may end.
_LAST_STATES = frozenset({"ingested", "published", "unchanged", "failed"})


@dataclass(frozen=True, slots=True)
class LastRun:
    """Outcome of the newest run, as the run recorded it.

    ``at`` is when it wrote that. ``failures`` are sources that could not be read,
    ``warnings`` tests that warned, ``failed_nodes`` models and tests that failed.
    """

    run_id: str
    state: str
    started_at: str
    error: str | None
    failures: tuple[str, ...]
    warnings: tuple[str, ...]
    at: str = ""
    failed_nodes: tuple[str, ...] = ()

    @property
    def is_over(self) -> bool:
        """Return True if it reached a state in which a run may end."""
        return self.state in _LAST_STATES

    @property
    def duration_seconds(self) -> float | None:
        """Seconds from its start to its last record; None where unknown."""
        if not (self.started_at and self.at):
            return None
        passed = datetime.fromisoformat(self.at) - datetime.fromisoformat(
            self.started_at
        )
        return passed.total_seconds()


def read_last_run(runs_dir: Path) -> LastRun | None:
    """Return the newest run that can be read; None where there was none."""
    records = sorted(runs_dir.glob("*/run.json"), reverse=True)
    last = _last_begun(runs_dir)
    if _begun_at(last) and _is_without_record(runs_dir / last):
        # The disk was full, or the run ended before it wrote anything.
        return LastRun(last, "starting", _begun_at(last), None, (), ())
    # The clock may have been set back since an earlier run.
    records.sort(key=lambda record: record.parent.name == last, reverse=True)
    for record in records:
        told = _read(record)
        # Cut off by a crash: the run before it is the last known.
        if told is not None and {"run_id", "started_at"} <= told.keys():
            return LastRun(
                run_id=told["run_id"],
                state=told.get("state", "started"),
                started_at=told["started_at"],
                error=told.get("error"),
                failures=tuple(told.get("failures", ())),
                warnings=tuple(told.get("warnings", ())),
                at=told.get("at", ""),
                failed_nodes=tuple(told.get("failed_nodes", ())),
            )
    return None


def _begun_at(run_id: str) -> str:
    """Return when a run began, from its id, ISO 8601; empty where it has no time."""
    try:
        stamp = run_id.partition("-")[0]
        return datetime.strptime(f"{stamp}+0000", f"{_STAMP}%z").isoformat()
    except ValueError:
        return ""


def _is_without_record(folder: Path) -> bool:
    """Return True if a run has a folder and no readable record."""
    return folder.is_dir() and "run_id" not in (_read(folder / "run.json") or {})


def retire_records(runs_dir: Path, keep_count: int, needed: Collection[str]) -> None:
    """Remove folders of the oldest runs, but for needed folders.

    Parameters
    ----------
    runs_dir : Path
        Folder of runs.
    keep_count : int
        Number of the newest runs that keep their folder.
    needed : collection of str
        Ids of runs that are still published.
    """
    runs = sorted(each.name for each in runs_dir.iterdir() if _begun_at(each.name))
    kept = {*needed, _last_begun(runs_dir)}
    old = [name for name in runs[:-keep_count] if name not in kept]
    for name in old[:_MOST_RETIRED]:
        shutil.rmtree(runs_dir / name, ignore_errors=True)


def remember_begun(runs_dir: Path, run_id: str) -> None:
    """Record the run that began last, regardless of the clock."""
    write_whole(runs_dir / _LAST, run_id)


def _last_begun(runs_dir: Path) -> str:
    try:
        return (runs_dir / _LAST).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def read_warnings(runs_dir: Path, run_id: str) -> list[str]:
    """Return the tests that warned in a run, as it wrote them down."""
    record = _read(runs_dir / run_id / "run.json") or {}
    return list(record.get("warnings", ()))


#: Differences behind the models, by table or by its schema.
_IN_WORDS: Final = {
    "its SQL": "rules or version",
    "control.run": "day of the run",
    "catalogue": "deliveries",
    "control.period_locks": "closed months",
    "estimates": "estimates",
}


@dataclass(frozen=True, slots=True)
class RebuiltNodes:
    """Nodes that a build executed, and the reasons.

    Attributes
    ----------
    count : int
        Models and tests.
    months : tuple of str
        The billing months that were built again by themselves.
    because : tuple of str
        Differences outside of the models, such as ``rules or version``.
    """

    count: int
    months: tuple[str, ...]
    because: tuple[str, ...]


def read_rebuilt(runs_dir: Path, run_id: str) -> RebuiltNodes | None:
    """Return the nodes that a run rebuilt; None if it recorded nothing."""
    try:
        text = (runs_dir / run_id / "rebuilt.json").read_text(encoding="utf-8")
        nodes = json.loads(text)
    except (OSError, ValueError, RecursionError):
        return None
    names = {node["name"] for node in nodes}
    reasons = {reason for node in nodes for reason in node["because"]}
    return RebuiltNodes(
        len(nodes),
        tuple(sorted({month for node in nodes for month in node["months"] if month})),
        # Differences caused by another model are not the beginning of it.
        tuple(sorted({_in_words(r) for r in reasons - names if "." in r or " " in r})),
    )


def _in_words(reason: str) -> str:
    """Return a difference in its author's words: a file, a delivery, a rule."""
    group, _, table = reason.partition(".")
    where = "settings" if group == "control" else group
    otherwise = f"{where}: {table.replace('_', ' ')}" if table else reason
    return _IN_WORDS.get(reason) or _IN_WORDS.get(group) or otherwise


def is_somebody_at_it(lock_file: Path) -> bool:
    """Return True if the holder of the run lock may still live.

    Parameters
    ----------
    lock_file : Path
        The lock. It is not touched: the caller must not be in a run's way. The holder
        of another host cannot be queried, and counts as alive.
    """
    holder = _read(lock_file.with_suffix(".json"))
    if holder is None or not {"host", "pid"} <= holder.keys():
        return False
    if holder["host"] != socket.gethostname():
        return True
    try:
        os.kill(holder["pid"], 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's process, which therefore lives
    return True


def _read(path: Path) -> dict[str, Any] | None:
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return told if isinstance(told, dict) else None
