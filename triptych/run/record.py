"""The record that a run writes of itself: its step, and its outcome."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from triptych.core.errors import TransformError
from triptych.core.machine_errors import as_expected
from triptych.core.progress import FollowsRuns
from triptych.core.run_record import remember_begun
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from triptych.core.progress import Progress
    from triptych.core.workspace import Workspace


class RunRecord:
    """The id and folder of a starting run, and its record.

    Parameters
    ----------
    workspace : Workspace
        Workspace of the run.
    progress : Progress
        Hears of each step, where it follows runs.

    Attributes
    ----------
    run_id : str
        Names the run.
    folder : Path
        Its own.
    started_at : datetime
        Start of the run, in UTC.
    """

    def __init__(self, workspace: Workspace, progress: Progress) -> None:
        self._progress = progress
        self.started_at = datetime.now(UTC)
        stamp = self.started_at.strftime("%Y%m%dT%H%M%S%fZ")
        self.run_id = f"{stamp}-{secrets.token_hex(2)}"
        self.folder = workspace.runs_dir / self.run_id
        self.folder.mkdir(parents=True)
        remember_begun(workspace.runs_dir, self.run_id)
        if isinstance(progress, FollowsRuns):
            progress.begin_run(self.run_id)
        self._content: dict[str, object] = {
            "run_id": self.run_id,
            "started_at": self.started_at.isoformat(),
        }

    @property
    def elapsed_seconds(self) -> float:
        """Seconds since the run began."""
        return (datetime.now(UTC) - self.started_at).total_seconds()

    def note(self, state: str, **details: object) -> None:
        """Record the current step of the run, and its details."""
        self._content |= {
            "state": state,
            "at": datetime.now(UTC).isoformat(),
            **details,
        }
        write_whole(self.folder / "run.json", json.dumps(self._content, indent=2))
        if isinstance(self._progress, FollowsRuns):
            self._progress.run_state(state, details)

    @contextmanager
    def step(self, state: str | None) -> Iterator[None]:
        """Record a step, if it is named, and a failure that happens inside."""
        if state is not None:
            self.note(state)
        try:
            yield
        except BaseException as error:
            expected = as_expected(error)
            text = str(expected or f"{type(error).__name__}: {error}")
            failed = error.failed_nodes if isinstance(error, TransformError) else ()
            # On a full disk there may be no room for this either: the failure is
            # reported, and the record stays that of a run which was stopped.
            with suppress(OSError):
                self.note("failed", error=text, failed_nodes=list(failed))
            raise
