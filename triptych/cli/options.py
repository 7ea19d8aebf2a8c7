"""Options that several commands share, and opening the workspace they name."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.application import remember_verbosity, tell_as_json

if TYPE_CHECKING:
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.workspace import Workspace

WorkspaceOption = Annotated[
    Path | None,
    typer.Option(
        "--workspace",
        "-w",
        metavar="DIR",
        help="Workspace folder; the current one, else TRIPTYCH_WORKSPACE.",
        show_default=False,
    ),
]
PeriodOption = Annotated[
    str,
    typer.Option("--period", "--month", metavar="YYYY-MM", help="The billing month."),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        callback=remember_verbosity,
        help="Log each step; show tracebacks.",
    ),
]
ThreadsOption = Annotated[
    str | None,
    typer.Option("--threads", metavar="N", help="Threads of the engine."),
]
MemoryLimitOption = Annotated[
    str | None,
    typer.Option("--memory-limit", metavar="SIZE", help="Memory of the engine: 2GB."),
]


LogFormatOption = Annotated[
    str | None,
    typer.Option(
        "--log-format",
        metavar="FORMAT",
        help="Format of progress and failures: text, or json, a line for each step.",
    ),
]
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", metavar="NAME", help="Engine: duckdb or spark."),
]

ApproveOption = Annotated[
    bool,
    typer.Option("--approve", help="Approve another user's proposal."),
]
TypedByOption = Annotated[
    str | None,
    typer.Option(
        "--by", metavar="NAME", help="Who decides, with access.two_people: names."
    ),
]
TypedApproverOption = Annotated[
    str | None,
    typer.Option(
        "--approved-by", metavar="NAME", help="Who approves, with the same setting."
    ),
]


@dataclass(frozen=True, slots=True)
class OpenWorkspace:
    """A workspace with its settings, read once."""

    workspace: Workspace
    settings: Settings
    progress: Progress


def open_workspace(  # noqa: PLR0913  (one parameter for each flag)
    given: Path | None,
    *,
    is_verbose: bool = False,
    threads: str | None = None,
    memory_limit: str | None = None,
    engine: str | None = None,
    port: str | None = None,
    log_format: str | None = None,
    receive_host: str | None = None,
    receive_port: str | None = None,
) -> OpenWorkspace:
    """Read the settings of the workspace that a command means.

    Raises
    ------
    SettingsError
        There is no workspace, or a file of it, a variable or a flag is wrong.
    """
    from triptych.cli.log_output import log_as_json, log_as_text
    from triptych.core.progress import JsonProgress, progress_for
    from triptych.core.settings import load_settings

    log_as_text(is_verbose=is_verbose)
    flags = {
        "warehouse.threads": threads,
        "warehouse.memory_limit": memory_limit,
        "warehouse.engine": engine,
        "dashboard.port": port,
        "log.format": log_format,
        "receive.host": receive_host,
        "receive.port": receive_port,
    }
    overrides = {key: value for key, value in flags.items() if value is not None}
    workspace = find_workspace(given)
    settings = load_settings(workspace.root, overrides=overrides)
    if settings.log.format == "json":
        lines = JsonProgress()
        tell_as_json(lines)
        log_as_json(lines, is_verbose=is_verbose)
        for warning in settings.warnings:
            lines.record("warning", level="warning", text=warning)
        return OpenWorkspace(workspace, settings, lines)
    for warning in settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return OpenWorkspace(workspace, settings, progress_for(is_verbose=is_verbose))


def refuse_unknown_source(opened: OpenWorkspace, name: str | None) -> None:
    """Refuse a name that no source of the settings has, and none that has loads.

    Raises
    ------
    UsageError
        There is no such source: an empty list would mislead.
    """
    from triptych.core.errors import unknown_source
    from triptych.core.warehouse.load_lists import read_loads

    loads = read_loads(opened.workspace.raw_database) if name is not None else []
    known = dict.fromkeys(source.name for source in opened.settings.sources)
    known |= dict.fromkeys(load.source for load in loads)
    if name is not None and name not in known:
        raise unknown_source(name, known)


def refuse_typed_people(settings: Settings, *typed: str | None) -> None:
    """Refuse two names typed by the same person, where identities count.

    Raises
    ------
    UsageError
        A name is typed, and ``access.two_people`` is not ``names``.
    """
    from triptych.core.errors import UsageError

    if settings.access.two_people == "identities" and any(typed):
        raise UsageError(
            "Names that one person types do not make two people: --by and --approved-by"
            " count no more.",
            next_step="Leave both out: the user who runs this proposes, and another"
            " user approves with --approve. Where something else keeps the two apart,"
            " say 'two_people: names' under access in triptych.yml.",
        )


def existing_workspace(given: Path | None) -> Workspace:
    """Return the workspace that a command means, which has settings or a run.

    Raises
    ------
    SettingsError
        The folder has neither: its name is mistyped, or another folder is meant.
    """
    from triptych.core.settings.loading import no_workspace

    workspace = find_workspace(given)
    if not (workspace.settings_file.is_file() or workspace.pointer.is_file()):
        raise no_workspace(workspace.root)
    return workspace


def find_workspace(given: Path | None) -> Workspace:
    """Return the named workspace, else the current folder, else the variable's.

    Raises
    ------
    NewerWorkspaceError
        A newer program wrote it.
    """
    from triptych.core.workspace_format import refuse_newer

    workspace = _meant_workspace(given)
    refuse_newer(workspace)
    return workspace


def _meant_workspace(given: Path | None) -> Workspace:
    from triptych.core.settings import workspace_from_environment
    from triptych.core.workspace import Workspace

    if given is not None:
        return Workspace(given)
    current_folder = Workspace(Path.cwd())
    if current_folder.settings_file.is_file():
        return current_folder
    named = workspace_from_environment()
    return current_folder if named is None else Workspace(named)
