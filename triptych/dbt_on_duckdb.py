"""dbt on the build database: one process for all commands of a run.

What dbt reads of the project is kept in the user's cache folder, for it takes longer
than building a small company's marts; dbt itself finds what of it is out of date.
"""

from __future__ import annotations

import contextlib
import filecmp
import hashlib
import json
import os
import shutil
import subprocess
import sys
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import platformdirs

from triptych.dbt_commands import (
    CommandOutput,
    TransformOutcome,
    as_error,
    dbt_project_dir,
    follow,
    read_outcome,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from types import TracebackType

    from triptych.progress import Task
    from triptych.workspace import Workspace

#: Variables of the profile that are not the same for every workspace.
_PROFILE_VARIABLES = (
    "TRIPTYCH_MEMORY_LIMIT",
    "TRIPTYCH_THREADS",
    "TRIPTYCH_SCHEMA_PREFIX",
)


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the embedded engine may use."""

    memory_limit: str
    threads: int


class DbtOnDuckDB:
    """dbt on the build database of a workspace, as a context manager.

    The process is started by the first command and ends with the context; between two
    commands it holds no database open.

    Parameters
    ----------
    workspace : Workspace
        Where the databases are.
    engine : EngineSettings
        Memory and threads.
    run_dir : Path
        Folder of this run, for dbt's log.
    """

    def __init__(
        self, workspace: Workspace, *, engine: EngineSettings, run_dir: Path
    ) -> None:
        self.workspace = workspace
        self.engine = engine
        self.run_dir = run_dir
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Self:
        """Start nothing yet."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the process; whatever it was doing is given up."""
        if self._process is not None:
            # Closes its input, and reads on until it has ended.
            self._process.communicate()
            self._process = None

    def run(
        self, arguments: Sequence[str], *, task: Task, target_name: str = "dbt"
    ) -> TransformOutcome:
        """Run a dbt command.

        Parameters
        ----------
        arguments : sequence of str
            What stands after the program's name.
        task : Task
            Progress; advanced once per model and test.
        target_name : str
            Folder below the warehouse for what dbt leaves behind, such as its
            manifest.

        Raises
        ------
        TransformError
            The command failed.
        """
        target = self.workspace.warehouse_dir / target_name
        results = target / "run_results.json"
        results.unlink(missing_ok=True)
        output = self._invoke(arguments, target, task)
        outcome = read_outcome(results)
        if output.return_code != 0:
            raise as_error(outcome, output)
        return outcome

    def _invoke(
        self, arguments: Sequence[str], target: Path, task: Task
    ) -> CommandOutput:
        project = str(dbt_project_dir())
        options = (
            *("--project-dir", project, "--profiles-dir", project),
            *("--target-path", str(target), "--log-path", str(self.run_dir / "dbt")),
            *("--log-level", "none"),
        )
        if self._process is None:
            self._process = self._start()
            parsed = self._parse(options, target, task)
            if parsed.return_code != 0:
                return parsed
        return self._command(self._process, [*arguments, *options], task)

    def _start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            (sys.executable, "-m", "triptych.dbt_process"),
            env=environment_of_dbt(self.workspace, self.engine),
            # Held open: its end tells dbt that this run is gone.
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def _parse(self, options: Sequence[str], target: Path, task: Task) -> CommandOutput:
        """Read the project, from what an earlier run of anybody kept of it."""
        assert self._process is not None  # noqa: S101
        parsed = target / "partial_parse.msgpack"
        environment = environment_of_dbt(self.workspace, self.engine)
        with ProjectAsItWasRead(parsed, environment):
            return self._command(
                self._process, ["parse", "--no-write-json", *options], task
            )

    def _command(
        self, process: subprocess.Popen[str], arguments: Sequence[str], task: Task
    ) -> CommandOutput:
        assert process.stdin is not None  # noqa: S101
        assert process.stdout is not None  # noqa: S101
        # A process that is gone already is found out by reading from it.
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(json.dumps(list(arguments)) + "\n")
            process.stdin.flush()
        return follow(process, task)


def environment_of_dbt(workspace: Workspace, engine: EngineSettings) -> dict[str, str]:
    """Return the variables that the profile and the process of dbt read."""
    return {
        **os.environ,
        "TRIPTYCH_ROOT": str(workspace.root),
        "TRIPTYCH_BUILD_DATABASE": _below(workspace.root, workspace.build_database),
        "TRIPTYCH_RAW_DATABASE": _below(workspace.root, workspace.raw_database),
        "TRIPTYCH_MEMORY_LIMIT": engine.memory_limit,
        "TRIPTYCH_THREADS": str(engine.threads),
        "TRIPTYCH_SPILL_DIRECTORY": _below(
            workspace.root, workspace.warehouse_dir / ".spill"
        ),
        # Each statement at level debug: megabytes for each run.
        "DBT_LOG_LEVEL_FILE": os.environ.get("DBT_LOG_LEVEL_FILE", "info"),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "DO_NOT_TRACK": "1",
        # dbt would take variables from any .env of this folder and of those above.
        "PYTHON_DOTENV_DISABLED": "1",
        "PYTHONUNBUFFERED": "1",
    }


def _below(root: Path, path: Path) -> str:
    return path.relative_to(root).as_posix()


class ProjectAsItWasRead:
    """What dbt reads of this installation's project, kept for other workspaces.

    A context manager around the command of dbt that reads the project.

    Parameters
    ----------
    parsed : Path
        ``partial_parse.msgpack`` of a workspace, where dbt looks for it and leaves it.
    environment : mapping
        Variables of the process of dbt. Those that the profile reads may differ between
        workspaces, and what was read with one value is of no use with another.
    engine : str
        Target of the profile.
    """

    def __init__(
        self, parsed: Path, environment: Mapping[str, str], *, engine: str = "duckdb"
    ) -> None:
        values = [environment.get(name, "") for name in _PROFILE_VARIABLES]
        read = json.dumps([str(dbt_project_dir()), engine, *values])
        digest = hashlib.sha256(read.encode()).hexdigest()[:16]
        folder = platformdirs.user_cache_path("triptych", appauthor=False)
        self._kept = folder / f"dbt_project_{digest}.msgpack"
        self._parsed = parsed

    def __enter__(self) -> None:
        """Put what was kept where dbt looks for it."""
        self._parsed.parent.mkdir(exist_ok=True)
        with contextlib.suppress(OSError):
            shutil.copyfile(self._kept, self._parsed)

    def __exit__(self, *_: object) -> None:
        """Keep what dbt read."""
        # Without a place to keep it the next workspace reads the project again.
        with contextlib.suppress(OSError):
            if not (self._kept.exists() and filecmp.cmp(self._kept, self._parsed)):
                self._kept.parent.mkdir(parents=True, exist_ok=True)
                # Others may be reading or writing it.
                mine = self._kept.with_name(f".{self._kept.name}.{uuid.uuid4().hex}")
                shutil.copyfile(self._parsed, mine)
                mine.replace(self._kept)


__all__ = [
    "DbtOnDuckDB",
    "EngineSettings",
    "ProjectAsItWasRead",
    "environment_of_dbt",
]
