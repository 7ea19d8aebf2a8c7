"""Time a command and watch the memory of its whole process tree.

Peak memory is the largest sum of resident set sizes over the command and all its
descendants, read from ``/proc`` every 20 milliseconds. Pages shared between two
processes of the tree count twice, so the figure is an upper bound; only a child that
has not become a program of its own yet, and is all its parent's memory, does not count
(a JVM starts each command that way). It is not
``resource.getrusage(RUSAGE_CHILDREN)``, which knows only the largest single child
and would miss a subprocess that runs beside its parent.
"""

from __future__ import annotations

import os
import subprocess
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_INTERVAL_SECONDS = 0.02
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Measured:
    """What a command took, and what it said."""

    seconds: float
    cpu_seconds: float
    peak_rss_bytes: int
    exit_code: int
    output: str
    errors: str


class TreeWatch:
    """Samples the resident memory of a process and its descendants.

    Parameters
    ----------
    pid : int
        Root of the tree.
    on_sample : callable, optional
        Called with the pids of the tree after each sample.
    """

    def __init__(
        self, pid: int, *, on_sample: Callable[[list[int]], None] | None = None
    ) -> None:
        self._pid = pid
        self._on_sample = on_sample
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._cpu_seconds: dict[int, float] = {}
        self.resident_bytes = 0
        self.peak_rss_bytes = 0

    @property
    def cpu_seconds(self) -> float:
        """Processor time [s] of all that was ever in the tree, as last seen.

        Nobody waits for a JVM whose starter has ended, so the operating system adds
        its time to nobody's children.
        """
        return sum(self._cpu_seconds.values())

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._stop.is_set():
            pids = process_tree(self._pid)
            self.resident_bytes = _resident_bytes_of_all(pids)
            self.peak_rss_bytes = max(self.peak_rss_bytes, self.resident_bytes)
            for pid in pids:
                spent = self._cpu_seconds.get(pid, 0.0)
                self._cpu_seconds[pid] = max(spent, _cpu_seconds(pid))
            if self._on_sample is not None:
                self._on_sample(pids)
            self._stop.wait(_INTERVAL_SECONDS)


def run_measured(
    command: Sequence[str], *, cwd: Path, environment: Mapping[str, str] | None = None
) -> Measured:
    """Run ``command`` to its end; its output is kept, not shown.

    Parameters
    ----------
    command : sequence of str
        Program and arguments.
    cwd : Path
        Folder to run in.
    environment : mapping, optional
        Variables to set in addition to those of this process.

    Returns
    -------
    Measured
        Wall-clock and processor time [s], peak memory of the tree [bytes].
    """
    before = os.times()
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    with TreeWatch(process.pid) as watch:
        output, errors = process.communicate()
    seconds = time.perf_counter() - started
    after = os.times()
    cpu_seconds = (
        after.children_user
        + after.children_system
        - before.children_user
        - before.children_system
    )
    cpu_seconds = max(cpu_seconds, watch.cpu_seconds)
    return Measured(
        seconds, cpu_seconds, watch.peak_rss_bytes, process.returncode, output, errors
    )


def process_tree(pid: int) -> list[int]:
    """Return ``pid`` and all its living descendants."""
    pids = [pid]
    for parent in pids:
        for task in _listing(Path(f"/proc/{parent}/task")):
            children = _text(task / "children")
            pids.extend(int(child) for child in children.split())
    return pids


def own_peak_rss_bytes() -> int:
    """Return the peak resident memory of this process, as the kernel kept it."""
    for line in _text(Path("/proc/self/status")).splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def machine_line() -> str:
    """Say what the figures were measured on, without naming the host."""
    model = next(
        (
            line.split(":", 1)[1].strip()
            for line in _text(Path("/proc/cpuinfo")).splitlines()
            if line.startswith("model name")
        ),
        "unknown processor",
    )
    memory = os.sysconf("SC_PHYS_PAGES") * _PAGE_BYTES / 2**30
    load = os.getloadavg()[0]
    return (
        f"{os.cpu_count()} x {model}, {memory:.0f} GiB memory,"
        f" load {load:.1f} at the start"
    )


def _resident_bytes_of_all(pids: Sequence[int]) -> int:
    """Return the resident memory of some processes, each memory counted once."""
    pages: dict[int, tuple[str, str]] = {}
    resident = 0
    for pid in pids:
        fields = _text(Path(f"/proc/{pid}/statm")).split()
        if not fields:
            continue
        # Between vfork and exec a child has the command and the very pages of its
        # parent, so that the same gigabytes would be counted again for milliseconds.
        pages[pid] = (_text(Path(f"/proc/{pid}/cmdline")), fields[0])
        if pages[pid] != pages.get(_parent(pid)):
            resident += int(fields[1]) * _PAGE_BYTES
    return resident


def _parent(pid: int) -> int:
    fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    return int(fields[1]) if fields else 0


def _cpu_seconds(pid: int) -> float:
    """Return the processor time [s] of one process without its children."""
    # The second field is the name in brackets, which may hold spaces.
    fields = _text(Path(f"/proc/{pid}/stat")).rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12]) if fields else 0
    return ticks / os.sysconf("SC_CLK_TCK")


def _listing(folder: Path) -> list[Path]:
    try:
        return list(folder.iterdir())
    except OSError:
        return []


def _text(path: Path) -> str:
    # A process may end between being listed and being read.
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
