"""What dbt reports, as typed outcomes, and the one way in which it is started.

In-process, dbt would keep the build database open and this process could not look
at it afterwards; as a subprocess it can also be killed without harm to the rest.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from triptych.dbt_process import TOLD_EVENTS
from triptych.errors import TransformError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from triptych.progress import Task

#: Tag of the models that join what was estimated from the others: the second half of
#: a build, which the embedded engine builds whichever engine built the first.
FROM_ESTIMATES = "from_estimates"
#: Arguments of dbt that build and test the first half.
FIRST_HALF = (
    *("build", "--exclude", f"tag:{FROM_ESTIMATES}"),
    *("--exclude-resource-type", "unit_test"),
)
#: Arguments of dbt that build and test the second.
SECOND_HALF = (
    *("build", "--select", f"tag:{FROM_ESTIMATES}"),
    *("--exclude-resource-type", "unit_test"),
)

_SHOWN_FAILURES = 5


@dataclass(frozen=True, slots=True)
class NodeOutcome:
    """How one model or test ended."""

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
    """What a dbt run did."""

    nodes: tuple[NodeOutcome, ...]

    @property
    def warnings(self) -> tuple[NodeOutcome, ...]:
        """Return the tests that warned."""
        return tuple(node for node in self.nodes if node.status == "warn")

    @property
    def failures(self) -> tuple[NodeOutcome, ...]:
        """Return the models and tests that failed."""
        return tuple(n for n in self.nodes if n.status in {"error", "fail"})


def dbt_project_dir() -> Path:
    """Return the dbt project: inside the package, or beside it in a checkout."""
    packaged = Path(str(resources.files("triptych"))) / "_dbt_project"
    if packaged.is_dir():
        return packaged
    return Path(__file__).resolve().parent.parent / "dbt_project"


def project_fingerprint(project: Path) -> list[tuple[str, int, str]]:
    """Return path, size and content hash of each file that decides a figure."""
    import hashlib  # noqa: PLC0415

    files = sorted(
        path
        for folder in ("models", "macros", "seeds")
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


@dataclass(frozen=True, slots=True)
class CommandOutput:
    """How a command ended, and the last errors it told of."""

    return_code: int
    last_errors: tuple[str, ...]


def run_dbt(
    command: Sequence[str], env: Mapping[str, str], task: Task
) -> CommandOutput:
    """Run a command that logs as dbt does; advance ``task`` once per model and test."""
    with subprocess.Popen(
        command,
        env=dict(env),
        # Held open and never written to: its end tells dbt that this run is gone.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        return follow(process, task)


def follow(process: subprocess.Popen[str], task: Task) -> CommandOutput:
    """Read what a process tells until its command has ended, or it has.

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
    return tuple(errors[-_SHOWN_FAILURES:])


def _parse_event(line: str) -> dict[str, object]:
    try:
        info: dict[str, object] = json.loads(line)["info"]
    except (ValueError, KeyError, TypeError):
        return {"level": "error", "msg": line.strip()}
    return info


def read_outcome(results: Path) -> TransformOutcome:
    """Return what ``run_results.json`` says; nothing where dbt wrote none."""
    return TransformOutcome(tuple(_read_results(results)))


def _read_results(path: Path) -> Iterator[NodeOutcome]:
    if not path.exists():
        return
    for result in json.loads(path.read_text("utf-8"))["results"]:
        yield NodeOutcome(
            result["unique_id"],
            result["status"],
            result.get("message") or "",
            result.get("failures") or 0,
        )


def as_error(outcome: TransformOutcome, output: CommandOutput) -> TransformError:
    """Return the error that a failed run is raised as, with its first failures."""
    shown = [
        f"{node.name}: {_first_lines(node.message)}"
        for node in outcome.failures[:_SHOWN_FAILURES]
    ] or [_first_lines(message) for message in output.last_errors]
    return TransformError(
        f"{len(outcome.failures) or 1} dbt models or tests failed. {' | '.join(shown)}",
        where="dbt build",
        next_step="What is published stands. See dbt/dbt.log in the run's folder.",
        failed_nodes=[node.name for node in outcome.failures],
    )


def _first_lines(message: str) -> str:
    return " ".join(message.split())[:400]


__all__ = [
    "CommandOutput",
    "NodeOutcome",
    "TransformOutcome",
    "as_error",
    "dbt_project_dir",
    "follow",
    "project_fingerprint",
    "read_outcome",
    "run_dbt",
]
