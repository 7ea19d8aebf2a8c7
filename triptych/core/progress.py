"""Progress of long work: bars on a terminal, else lines of text or JSON.

Long-running code is handed a :class:`Progress` and opens a task for each piece of work.
It never asks where the report goes.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TextIO, runtime_checkable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from contextlib import AbstractContextManager

    from rich.progress import Progress as RichBars
    from rich.progress import TaskID

_SECONDS_BETWEEN_LINES = 30.0


class Task(Protocol):
    """A piece of work under way; safe to call from several threads."""

    def advance(self, count: float = 1) -> None:
        """Report that ``count`` more units are done."""

    def note(self, text: str) -> None:
        """Report the current activity."""


class Progress(Protocol):
    """Receiver of progress reports."""

    def task(
        self, description: str, total: float | None = None
    ) -> AbstractContextManager[Task]:
        """Open a piece of work of ``total`` units; ``None`` when nobody knows."""


@runtime_checkable
class FollowsRuns(Protocol):
    """A progress that also wants to know which run it reports on, and its state."""

    def begin_run(self, run_id: str) -> None:
        """Assign everything from now on to this run."""

    def run_state(self, state: str, details: Mapping[str, object]) -> None:
        """Report a new state of the run."""


class SilentProgress:
    """Reports to nobody."""

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:  # noqa: ARG002
        """Open a piece of work that nobody watches."""
        yield _SilentTask()


class _SilentTask:
    def advance(self, count: float = 1) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


class PlainProgress:
    """Writes a line for each piece of work when it ends, and now and then before.

    Parameters
    ----------
    stream : TextIO, optional
        Destination of the lines; standard error by default.
    is_verbose : bool
        Also report the beginnings, and each step on the way.
    """

    def __init__(
        self, stream: TextIO | None = None, *, is_verbose: bool = False
    ) -> None:
        self._stream = stream
        self._is_verbose = is_verbose
        self._lock = threading.Lock()

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        """Open a piece of work."""
        if self._is_verbose:
            self._write(f"{description} …")
        task = _PlainTask(description, total, self._write, tells_notes=self._is_verbose)
        started = time.monotonic()
        yield task
        seconds = time.monotonic() - started
        self._write(f"{description}: done{task.count_text()} in {seconds:.1f} s")

    def _write(self, line: str) -> None:
        # Looked up late: a test or a caller may have replaced standard error.
        with self._lock:
            print(line, file=self._stream or sys.stderr, flush=True)


class _PlainTask:
    def __init__(
        self,
        description: str,
        total: float | None,
        write: _Write,
        *,
        tells_notes: bool,
    ) -> None:
        self._description = description
        self._total = total
        self._write = write
        self._tells_notes = tells_notes
        self._done = 0.0
        self._last_line_at = time.monotonic()
        self._lock = threading.Lock()

    def advance(self, count: float = 1) -> None:
        with self._lock:
            self._done += count
            now = time.monotonic()
            is_due = now - self._last_line_at >= _SECONDS_BETWEEN_LINES
            if is_due:
                self._last_line_at = now
        if is_due:
            self._write(f"{self._description}:{self.count_text()}")

    def note(self, text: str) -> None:
        if self._tells_notes:
            self._write(f"{self._description}: {text}")

    def count_text(self) -> str:
        """Return `` 3 of 7``, `` 3``, or nothing when nothing was counted."""
        if not self._done:
            return ""
        of_total = "" if self._total is None else f" of {self._total:,.0f}"
        return f" {self._done:,.0f}{of_total}"


class JsonProgress:
    """Writes a line of JSON for each step that ended and each state of a run.

    Each line has ``at`` (UTC), ``level``, ``event`` and, inside a run, ``run_id``. A
    step has ``step``, ``outcome`` (``done`` or ``failed``), ``seconds`` and, where
    something was counted, ``count``.

    Parameters
    ----------
    stream : TextIO, optional
        Destination of the lines; standard error by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = threading.Lock()
        self._run_id: str | None = None

    def begin_run(self, run_id: str) -> None:
        """Put this run's id on every line from now on."""
        self._run_id = run_id

    def run_state(self, state: str, details: Mapping[str, object]) -> None:
        """Write a line ``run`` with the state and the details known by then."""
        level = "error" if state == "failed" else "info"
        self.record("run", level=level, state=state, **details)

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:  # noqa: ARG002
        """Open a piece of work; its line is written when it ends."""
        task = _CountingTask()
        started = time.monotonic()
        try:
            yield task
        except BaseException as error:
            failed = type(error).__name__
            self._step(description, task, started, outcome="failed", error=failed)
            raise
        self._step(description, task, started, outcome="done")

    def _step(
        self, step: str, task: _CountingTask, started: float, **outcome: str
    ) -> None:
        seconds = round(time.monotonic() - started, 3)
        counted = {"count": task.count} if task.count else {}
        level = "error" if outcome["outcome"] == "failed" else "info"
        self.record(
            "step", level=level, step=step, **outcome, seconds=seconds, **counted
        )

    def record(self, event: str, *, level: str = "info", **details: object) -> None:
        """Write a single line."""
        run = {"run_id": self._run_id} if self._run_id else {}
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        line = {"at": at, "level": level, "event": event, **run, **details}
        text = json.dumps(line, ensure_ascii=False, default=str)
        with self._lock:
            # Looked up late: a test or a caller may have replaced standard error.
            print(text, file=self._stream or sys.stderr, flush=True)


class _CountingTask:
    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.count = 0.0

    def advance(self, count: float = 1) -> None:
        with self._lock:
            self.count += count

    def note(self, text: str) -> None:
        """Do nothing: the current activity is no event."""


class _Write(Protocol):
    def __call__(self, line: str) -> None: ...


class RichProgress:
    """Draws bars on a terminal, on standard error, and leaves finished bars."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bars: RichBars | None = None
        self._open_count = 0

    @contextmanager
    def task(self, description: str, total: float | None = None) -> Iterator[Task]:
        """Open a piece of work; nested and parallel tasks share a single display."""
        bars = self._enter()
        bar = bars.add_task(description, total=total, note="")
        try:
            yield _RichTask(bars, bar)
            self._finish(bars, bar)
        finally:
            bars.stop_task(bar)
            self._leave()

    def _enter(self) -> RichBars:
        with self._lock:
            if self._bars is None:
                self._bars = _new_bars()
                self._bars.start()
            self._open_count += 1
            return self._bars

    def _leave(self) -> None:
        with self._lock:
            self._open_count -= 1
            if self._open_count == 0 and self._bars is not None:
                self._bars.stop()
                self._bars = None

    @staticmethod
    def _finish(bars: RichBars, bar: TaskID) -> None:
        done = next(task.completed for task in bars.tasks if task.id == bar)
        bars.update(bar, total=done or 1, completed=done or 1, note="")


class _RichTask:
    def __init__(self, bars: RichBars, bar: TaskID) -> None:
        self._bars = bars
        self._bar = bar

    def advance(self, count: float = 1) -> None:
        self._bars.advance(self._bar, count)

    def note(self, text: str) -> None:
        self._bars.update(self._bar, note=text)


def _new_bars() -> RichBars:
    from rich.console import Console  # noqa: PLC0415  (keeps --help quick)
    from rich.progress import (  # noqa: PLC0415
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    # Without markup: a file name may hold square brackets.
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        TextColumn("{task.fields[note]}", markup=False, style="dim"),
        console=Console(stderr=True),
    )


def progress_for(stream: TextIO | None = None, *, is_verbose: bool = False) -> Progress:
    """Return bars when ``stream`` (standard error) is a terminal, else plain lines."""
    if (stream or sys.stderr).isatty():
        return RichProgress()
    return PlainProgress(stream, is_verbose=is_verbose)
