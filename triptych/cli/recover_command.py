"""``recover``: the catalogue made anew from the lake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json

if TYPE_CHECKING:
    from triptych.evidence.recovering import RecoveryReport


def recover(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only look; nothing changes.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Rebuild raw.duckdb from the lake, after it was lost or rolled back."""
    from triptych.evidence import recovering

    opened = open_workspace(workspace, is_verbose=verbose)
    report = recovering.recover(opened.workspace, is_applied=not dry_run)
    if as_json:
        print_json(report)
        return
    print(f"loads          {report.load_count:,}")
    print(f"audit entries  {report.entry_count:,}")
    if report.unrecorded:
        print(f"not in the log {', '.join(report.unrecorded)}")
    print(_conclusion(report))


def _conclusion(report: RecoveryReport) -> str:
    if not report.is_applied:
        return (
            "The lake is complete. Nothing was changed;"
            ' "triptych recover" rebuilds raw.duckdb from it.'
        )
    kept = f" The former file is {report.replaced}." if report.replaced else ""
    return f'Rebuilt raw.duckdb.{kept} "triptych run" goes on from there.'
