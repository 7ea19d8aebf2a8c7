"""Runs dbt as a subprocess and turns what it reports into a typed outcome.

In-process, dbt would keep the build database open and this process could not look
at it afterwards; as a subprocess it can also be killed without harm to the rest.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from triptych.errors import TransformError
from triptych.warehouse.build import (
    BuildPlan,
    ControlTable,
    mark_built,
    plan_build,
    write_control,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from triptych.progress import Task
    from triptych.workspace import Workspace

_FINISHED_EVENTS = frozenset({"LogModelResult", "LogTestResult"})
_SHOWN_FAILURES = 5


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the embedded engine may use."""

    memory_limit: str
    threads: int


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


def build_marts(
    workspace: Workspace,
    *,
    tables: Sequence[ControlTable],
    recipe: Mapping[str, object],
    engine: EngineSettings,
    run_dir: Path,
    task: Task,
) -> TransformOutcome:
    """Build and test every model for the months whose evidence changed.

    Parameters
    ----------
    workspace : Workspace
        Where the databases are.
    tables : sequence of ControlTable
        Settings, catalogue and rules for dbt.
    recipe : mapping
        What decides the figures besides evidence; see :func:`plan_build`.
    engine : EngineSettings
        Memory and threads.
    run_dir : Path
        Folder of this run, for dbt's log.
    task : Task
        Progress; advanced once per model and test.

    Raises
    ------
    TransformError
        A model or a test of severity ``error`` failed; what is published stands.
    """
    project = dbt_project_dir()
    plan = plan_build(
        workspace.build_database,
        workspace.raw_database,
        recipe={**recipe, "dbt_project": project_fingerprint(project)},
    )
    task.note(_describe(plan))
    write_control(workspace.build_database, tables, plan=plan)
    outcome = _run_dbt(workspace, project, engine, run_dir, task)
    mark_built(workspace.build_database, plan)
    return outcome


def _describe(plan: BuildPlan) -> str:
    if plan.is_full:
        return f"building all {len(plan.months_to_build)} billing months"
    if not plan.months_to_build:
        return "no billing month changed"
    return f"building {', '.join(plan.months_to_build)}"


def _run_dbt(
    workspace: Workspace,
    project: Path,
    engine: EngineSettings,
    run_dir: Path,
    task: Task,
) -> TransformOutcome:
    target = workspace.warehouse_dir / "dbt"
    results = target / "run_results.json"
    results.unlink(missing_ok=True)
    command = [
        *(sys.executable, "-m", "triptych.dbt_process", "--log-format", "json"),
        *("--log-path", str(run_dir / "dbt"), "build"),
        *("--exclude-resource-type", "unit_test"),
        *("--project-dir", str(project), "--profiles-dir", str(project)),
        *("--target-path", str(target)),
    ]
    output = _execute(command, _environment(workspace, engine), task)
    outcome = TransformOutcome(tuple(_read_results(results)))
    if output.return_code != 0:
        raise _as_error(outcome, output)
    return outcome


@dataclass(frozen=True, slots=True)
class _Output:
    return_code: int
    last_errors: tuple[str, ...]


def _execute(command: Sequence[str], env: Mapping[str, str], task: Task) -> _Output:
    errors: list[str] = []
    with subprocess.Popen(
        command,
        env=dict(env),
        # Held open and never written to: its end tells dbt that this run is gone.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101
        for line in process.stdout:
            event = _parse_event(line)
            if event.get("name") in _FINISHED_EVENTS:
                task.advance(1)
            elif event.get("level") == "error":
                errors.append(str(event.get("msg", "")))
    return _Output(process.returncode, tuple(errors[-_SHOWN_FAILURES:]))


def _parse_event(line: str) -> dict[str, object]:
    try:
        info: dict[str, object] = json.loads(line)["info"]
    except (ValueError, KeyError, TypeError):
        return {"level": "error", "msg": line.strip()}
    return info


def _environment(workspace: Workspace, engine: EngineSettings) -> dict[str, str]:
    return {
        **os.environ,
        "TRIPTYCH_BUILD_DATABASE": str(workspace.build_database),
        "TRIPTYCH_RAW_DATABASE": str(workspace.raw_database),
        "TRIPTYCH_ROOT": str(workspace.root),
        "TRIPTYCH_MEMORY_LIMIT": engine.memory_limit,
        "TRIPTYCH_THREADS": str(engine.threads),
        "TRIPTYCH_SPILL_DIRECTORY": str(workspace.warehouse_dir / ".spill"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        "PYTHONUNBUFFERED": "1",
    }


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


def _as_error(outcome: TransformOutcome, output: _Output) -> TransformError:
    shown = [
        f"{node.name}: {_first_lines(node.message)}"
        for node in outcome.failures[:_SHOWN_FAILURES]
    ] or [_first_lines(message) for message in output.last_errors]
    return TransformError(
        f"{len(outcome.failures) or 1} dbt models or tests failed. {' | '.join(shown)}",
        where="dbt build",
        next_step="What is published stands. See dbt/dbt.log in the run's folder.",
    )


def _first_lines(message: str) -> str:
    return " ".join(message.split())[:400]


__all__ = [
    "EngineSettings",
    "NodeOutcome",
    "TransformOutcome",
    "build_marts",
    "dbt_project_dir",
]
