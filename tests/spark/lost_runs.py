"""Runs of the command line on Spark that are watched, and robbed of their Spark."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.measure import process_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

_PATIENCE_SECONDS = 1500.0


@dataclass(frozen=True, slots=True)
class Ended:
    """How a run ended, and what it said to whoever started it."""

    exit_code: int
    said: str


@dataclass(frozen=True, slots=True)
class WatchedBuild:
    """A ``triptych build`` that is under way."""

    process: subprocess.Popen[str]
    folder: Path
    earlier_runs: frozenset[str]

    def wait_until(self, is_so: Callable[[Path], bool]) -> None:
        """Wait until something is so of the run's folder."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not any(is_so(run) for run in self._runs()):
            assert self.process.poll() is None, self.process.communicate()
            assert time.monotonic() < deadline, "it never came so far"
            time.sleep(0.002)

    def end(self) -> Ended:
        """Wait for the end."""
        _, said = self.process.communicate(timeout=_PATIENCE_SECONDS)
        return Ended(self.process.returncode, said)

    def _runs(self) -> list[Path]:
        found = (self.folder / "runs").iterdir()
        return [run for run in found if run.name not in self.earlier_runs]


@contextmanager
def watched_build(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[WatchedBuild]:
    """Start ``triptych build`` with further arguments; end it if it still runs."""
    command = [sys.executable, "-m", "triptych", "build", "--workspace", str(folder)]
    earlier_runs = frozenset(run.name for run in (folder / "runs").iterdir())
    with subprocess.Popen(
        [*command, *arguments],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield WatchedBuild(process, folder, earlier_runs)
        finally:
            process.kill()


def build(
    folder: Path, *arguments: str, environment: Mapping[str, str] | None = None
) -> Ended:
    """Run ``triptych build`` to its end."""
    with watched_build(folder, *arguments, environment=environment) as run:
        return run.end()


def has_begun_to_hand_over(run: Path) -> bool:
    """Return whether the rows of a first table have come back from Spark."""
    return any((run / "from_spark").glob("*.parquet"))


def is_writing_the_new_file(run: Path) -> bool:
    """Return whether all marts are built, and the pointer has not moved yet."""
    published = run.parents[1] / "warehouse" / "published"
    return any(published.glob(f".{run.name}.partial.duckdb"))


def executors_of(pid: int) -> list[int]:
    """Return the executors that the Spark server ``pid`` has started."""
    return [
        child
        for child in process_tree(pid)
        if b"CoarseGrainedExecutorBackend" in _command_line(child)
    ]


def _command_line(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
