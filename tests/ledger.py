"""Measure where the time of the suite goes, and write it into ``tests/README.md``.

``python -m tests.ledger`` installs and tests a clean clone. As a plugin of pytest the
module notes the seconds and CPU seconds of each phase of each test, those of programs
that the test started and waited for included.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable

#: File that the notes go to; the plugin does nothing without it.
FILE: Final = "TRIPTYCH_TEST_LEDGER"
_ROOT: Final = Path(__file__).resolve().parents[1]
_PAGE: Final = _ROOT / "tests" / "README.md"
_HEADING: Final = "\n## Where the time goes\n"
#: Steps of ``make test``, in its order.
_STEPS: Final = {
    "install": (".venv/.ready",),
    "emulators, browser, quick checks": ("--jobs=2", "before-tests"),
    "tests, types, SQL": ("--jobs=2", "tests-and-checks"),
}
_SLOWEST: Final = 100
_FOLDER_DEPTH: Final = 3
#: CPU seconds of a process when the phase before ended.
_LAST_CPU: Final = pytest.StashKey[float]()


class Phase(NamedTuple):
    """Set-up, call or teardown of a test, with its seconds and CPU seconds."""

    test: str
    when: str
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class Step:
    """A step of ``make test`` in a clean clone, with its seconds and CPU seconds."""

    name: str
    seconds: float
    cpu_seconds: float


def _cpu_seconds(*of: int) -> float:
    """Return CPU seconds of this process and of its ended children, or of some."""
    used = map(
        resource.getrusage, of or (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    return sum(each.ru_utime + each.ru_stime for each in used)


class Ledger:
    """Collector of the phases of all tests, in the process that starts the others."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._started = time.monotonic()
        self._collection: float | None = None
        self._phases: list[Phase] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self._collection is None:
            self._collection = time.monotonic() - self._started - report.duration
        cpu = getattr(report, "cpu_seconds", 0.0)
        self._phases.append(
            Phase(report.nodeid, report.when or "", report.duration, cpu)
        )

    def pytest_sessionfinish(self) -> None:
        notes = {"collection": self._collection or 0.0, "phases": self._phases}
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(notes), "utf-8")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[Any]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the CPU seconds since the report before; reports cross processes whole."""
    del call
    report = yield
    now = _cpu_seconds()
    last = item.config.stash.get(_LAST_CPU, now)
    # Attributes of a report cross processes; pytest has no other place for them.
    vars(report)["cpu_seconds"] = now - last
    item.config.stash[_LAST_CPU] = now
    return report


def pytest_configure(config: pytest.Config) -> None:
    """Begin a ledger where reports of all processes arrive."""
    file = os.environ.get(FILE)
    if file and "PYTEST_XDIST_WORKER" not in os.environ:
        config.pluginmanager.register(Ledger(Path(file)))


def _measured(clone: Path, notes: Path) -> list[Step]:
    """Run the steps of ``make test`` in a clean clone."""
    subprocess.run(
        ["git", "clone", "--quiet", str(_ROOT), str(clone)],  # noqa: S607
        check=True,
    )
    environment = os.environ | {FILE: str(notes), "PYTEST_ADDOPTS": "-p tests.ledger"}
    steps = []
    for name, targets in _STEPS.items():
        began, used = time.monotonic(), _cpu_seconds(resource.RUSAGE_CHILDREN)
        subprocess.run(
            ["make", "--no-print-directory", *targets],  # noqa: S607
            cwd=clone,
            env=environment,
            check=True,
            stdout=sys.stderr,
        )
        cpu = _cpu_seconds(resource.RUSAGE_CHILDREN) - used
        steps.append(Step(name, time.monotonic() - began, cpu))
    return steps


def _summed(
    phases: Iterable[Phase], key: Callable[[Phase], str]
) -> list[tuple[str, int, float, float]]:
    """Return name, count, seconds and CPU seconds of each group, the longest first."""
    groups = defaultdict(list)
    for phase in phases:
        groups[key(phase)].append(phase)
    rows = [
        (name, len(of), sum(p.seconds for p in of), sum(p.cpu_seconds for p in of))
        for name, of in groups.items()
    ]
    return sorted(rows, key=lambda row: -row[2])


def _folder(phase: Phase) -> str:
    """Return the folder of a test, two levels below ``tests`` at most."""
    parents = Path(phase.test.partition("::")[0]).parent.parts
    return "/".join(parents[1:_FOLDER_DEPTH])


def _table(heads: tuple[str, ...], rows: Iterable[Iterable[object]]) -> list[str]:
    lines = ["", f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    for row in rows:
        cells = (f"{cell:,.1f}" if isinstance(cell, float) else cell for cell in row)
        lines.append(
            "| " + " | ".join(str(c).replace("|", "\\|") for c in cells) + " |"
        )
    return lines


def section(steps: list[Step], collection: float, phases: list[Phase]) -> str:
    """Return the section of ``tests/README.md``.

    Parameters
    ----------
    steps : list of Step
        Steps of ``make test``.
    collection : float
        Seconds from the start of pytest to the first test.
    phases : list of Phase
        Phases of all tests; their seconds are those of two processes side by side.
    """
    wall, cpu = sum(s.seconds for s in steps), sum(s.cpu_seconds for s in steps)
    lines = [
        _HEADING,
        f"`make test-ledger` on two cores, in a clean clone: {wall:,.0f} seconds,"
        f" {cpu:,.0f} CPU seconds; {collection:,.0f} seconds until the first test.",
        *_table(
            ("step", "seconds", "CPU seconds"),
            ((s.name, s.seconds, s.cpu_seconds) for s in steps),
        ),
        *_table(
            ("phase", "tests", "seconds", "CPU seconds"),
            _summed(phases, lambda phase: phase.when),
        ),
        *_table(
            ("folder", "phases", "seconds", "CPU seconds"), _summed(phases, _folder)
        ),
        *_table(
            ("slowest", "phase", "seconds", "CPU seconds"),
            (
                (f"`{p.test.removeprefix('tests/')}`", p.when, p.seconds, p.cpu_seconds)
                for p in sorted(phases, key=lambda p: -p.seconds)[:_SLOWEST]
            ),
        ),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure a clean clone of the last commit, and write the section."""
    with tempfile.TemporaryDirectory(prefix="triptych-ledger-") as folder:
        notes = Path(folder) / "ledger.json"
        steps = _measured(Path(folder) / "clone", notes)
        found = json.loads(notes.read_text("utf-8"))
    phases = [Phase(*row) for row in found["phases"]]
    page = _PAGE.read_text("utf-8").partition(_HEADING)[0]
    _PAGE.write_text(page + section(steps, found["collection"], phases), "utf-8")


if __name__ == "__main__":
    main()
