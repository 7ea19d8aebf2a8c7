"""Outcomes of models and tests, and the only way dbt is started.

As a subprocess it can be killed without harm to the rest, and the modules it loads are
gone when it has compiled.
"""

from __future__ import annotations

import functools
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from triptych.core.dbt.process import TOLD_EVENTS
from triptych.core.project_folder import dbt_project_dir

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from triptych.core.progress import Task

_SHOWN_ERRORS = 5


@dataclass(frozen=True, slots=True)
class NodeOutcome:
    """Outcome of a model or test."""

    unique_id: str
    status: str
    message: str
    failure_count: int

    @property
    def name(self) -> str:
        """Return the node's name without its type and project."""
        return self.unique_id.split(".")[2]


@dataclass(frozen=True, slots=True)
class TransformOutcome:
    """Outcome of a dbt run."""

    nodes: tuple[NodeOutcome, ...]

    @property
    def warnings(self) -> tuple[NodeOutcome, ...]:
        """Return the tests that warned."""
        return tuple(node for node in self.nodes if node.status == "warn")

    @property
    def failures(self) -> tuple[NodeOutcome, ...]:
        """Return the models and tests that failed."""
        return tuple(n for n in self.nodes if n.status in {"error", "fail"})


#: Folders of the project that contain the files deciding a figure.
_OF_FIGURES = ("models", "macros", "seeds")
#: Those and the tests, which decide if figures are published: dbt's input.
PROJECT_FOLDERS = (*_OF_FIGURES, "tests")


def project_fingerprint(
    project: Path, folders: Sequence[str] = _OF_FIGURES
) -> list[tuple[str, int, str]]:
    """Return path, size and content hash of each file that decides a figure."""
    import hashlib  # noqa: PLC0415

    files = sorted(
        path
        for folder in folders
        for path in (project / folder).rglob("*")
        if path.is_file()
    )
    return [
        (
            path.relative_to(project).as_posix(),
            path.stat().st_size,
            hashlib.sha256(path.read_bytes()).hexdigest()[:16],
        )
        for path in files
    ]


@functools.cache
def installed_project() -> list[tuple[str, int, str]]:
    """Return the fingerprint of all that dbt reads of the installed project.

    Read once: a process goes on with the code that it began with, too.
    """
    return project_fingerprint(dbt_project_dir(), PROJECT_FOLDERS)


def installed_figures() -> list[tuple[str, int, str]]:
    """Return the part of :func:`installed_project` that decides a figure."""
    return [
        file for file in installed_project() if file[0].split("/", 1)[0] in _OF_FIGURES
    ]


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """Outcome of a command, and the last errors it reported."""

    return_code: int
    last_errors: tuple[str, ...]


def run_dbt(
    command: Sequence[str], env: Mapping[str, str], task: Task
) -> CommandOutput:
    """Run a command that logs as dbt does; advance ``task`` once per model and test."""
    with subprocess.Popen(
        command,
        env=dict(env),
        # Held open and never written to: its end signals to dbt that this run is gone.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        return follow(process, task)


def follow(process: subprocess.Popen[str], task: Task) -> CommandOutput:
    """Read a process's events until its command, or the process, has ended.

    Parameters
    ----------
    process : Popen
        Its standard output has a JSON object for each event, as dbt writes them.
    task : Task
        Progress; advanced once per model and test.
    """
    errors: list[str] = []
    assert process.stdout is not None  # noqa: S101
    for line in process.stdout:
        event = _parse_event(line)
        if event.get("name") in TOLD_EVENTS:
            task.advance(1)
        elif event.get("level") == "error":
            errors.append(str(event.get("msg", "")))
    return CommandOutput(process.wait(), _last(errors))


def _last(errors: Sequence[str]) -> tuple[str, ...]:
    return tuple(errors[-_SHOWN_ERRORS:])


def _parse_event(line: str) -> dict[str, object]:
    try:
        info: dict[str, object] = json.loads(line)["info"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return {"level": "error", "msg": line.strip()}
    return info
