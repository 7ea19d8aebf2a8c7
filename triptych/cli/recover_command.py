"""``recover`` and ``upgrade``: make a catalogue again, or a workspace up to date."""

from __future__ import annotations

import sys
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
    if report.uncommitted:
        place = "moved to lake/.uncommitted" if report.is_applied else "to be set aside"
        print(f"no load        {', '.join(report.uncommitted)}: {place}")
    print(_conclusion(report))


def _conclusion(report: RecoveryReport) -> str:
    if not report.is_applied:
        return (
            "The lake is complete. Nothing was changed;"
            ' "triptych recover" rebuilds raw.duckdb from it.'
        )
    kept = f" The former file is {report.replaced}." if report.replaced else ""
    return f'Rebuilt raw.duckdb.{kept} "triptych run" goes on from there.'


def upgrade(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only list changes.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Bring the workspace to the format of this version, after a backup."""
    from triptych.core import workspace_format
    from triptych.core.lock import hold_run_lock
    from triptych.run import upgrading

    opened = open_workspace(workspace, is_verbose=verbose)
    if dry_run:
        done = workspace_format.pending_upgrade(opened.workspace)
    else:
        with hold_run_lock(opened.workspace.lock_file):
            done = upgrading.upgrade(opened.workspace)
            if not upgrading.name_format(opened.workspace.settings_file):
                line = f'"format: {workspace_format.FORMAT}"'
                text = (
                    f"triptych.yml cannot be changed here. Add the line {line} to it."
                )
                print(text, file=sys.stderr)
    if as_json:
        print_json(done)
        return
    if done is None:
        print(f"The workspace has format {workspace_format.FORMAT}. Nothing to do.")
        return
    verb = "Would upgrade" if dry_run else "Upgraded"
    print(f"{verb} from format {done.from_format} to {done.to_format}:")
    for change in done.changes:
        print(f"  {change}")
    if done.backup is not None:
        print(f'Backup in {done.backup}. "triptych run" builds the figures.')
