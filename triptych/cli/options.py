"""Options that several commands share, and opening the workspace they name."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.application import remember_verbosity

if TYPE_CHECKING:
    from triptych.settings import Settings
    from triptych.workspace import Workspace

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
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]
VerboseOption = Annotated[
    bool,
    typer.Option(
        "--verbose",
        "-v",
        callback=remember_verbosity,
        help="Log what happens; show tracebacks.",
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


EngineOption = Annotated[
    str | None,
    typer.Option("--engine", metavar="NAME", help="What builds: duckdb or spark."),
]


@dataclass(frozen=True, slots=True)
class OpenWorkspace:
    """A workspace with its settings, read once."""

    workspace: Workspace
    settings: Settings


def open_workspace(  # noqa: PLR0913  (one parameter for each flag)
    given: Path | None,
    *,
    is_verbose: bool = False,
    threads: str | None = None,
    memory_limit: str | None = None,
    engine: str | None = None,
    port: str | None = None,
    receive_host: str | None = None,
    receive_port: str | None = None,
) -> OpenWorkspace:
    """Read the settings of the workspace that a command means.

    Raises
    ------
    SettingsError
        There is no workspace, or one of its files, a variable or a flag is wrong.
    """
    from triptych.settings import load_settings

    _log_to_standard_error(is_verbose=is_verbose)
    flags = {
        "warehouse.threads": threads,
        "warehouse.memory_limit": memory_limit,
        "warehouse.engine": engine,
        "dashboard.port": port,
        "receive.host": receive_host,
        "receive.port": receive_port,
    }
    overrides = {key: value for key, value in flags.items() if value is not None}
    workspace = find_workspace(given)
    settings = load_settings(workspace.root, overrides=overrides)
    for warning in settings.warnings:
        print(f"warning: {warning}", file=sys.stderr)
    return OpenWorkspace(workspace, settings)


def find_workspace(given: Path | None) -> Workspace:
    """Return the named workspace, else the current folder, else the variable's."""
    from triptych.settings import workspace_from_environment
    from triptych.workspace import Workspace

    if given is not None:
        return Workspace(given)
    here = Workspace(Path.cwd())
    if here.settings_file.is_file():
        return here
    named = workspace_from_environment()
    return here if named is None else Workspace(named)


def _log_to_standard_error(*, is_verbose: bool) -> None:
    """Keep standard output for results."""
    import logging

    import structlog

    level = logging.DEBUG if is_verbose else logging.WARNING
    structlog.configure(
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # Looked up late: a test or a caller may have replaced standard error.
        logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
    )


__all__ = [
    "EngineOption",
    "JsonOption",
    "MemoryLimitOption",
    "OpenWorkspace",
    "ThreadsOption",
    "VerboseOption",
    "WorkspaceOption",
    "find_workspace",
    "open_workspace",
]
