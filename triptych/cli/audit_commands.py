"""``audit``: the hash to keep elsewhere, and what is no longer as it was written."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  (typer reads it)
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
    from triptych.auditing import AuditReport

audit = typer.Typer(help="Verify the audit log and closed months.")


@audit.command()
def head(
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Print the hash of the newest entry, to be kept elsewhere."""
    from triptych import auditing

    opened = open_workspace(workspace, is_verbose=verbose)
    report = auditing.verify(opened.workspace)
    if as_json:
        print_json({"entries": report.entry_count, "head_hash": report.head_hash})
    else:
        print(report.head_hash)


@audit.command()
def verify(
    *,
    kept_hash: Annotated[
        str | None,
        typer.Option("--head", metavar="HASH", help="Hash that was kept elsewhere."),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Kept copy of lake/audit_log.jsonl."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Check the audit log, its copy in the lake and what closed months keep."""
    from triptych import auditing

    opened = open_workspace(workspace, is_verbose=verbose)
    report = auditing.verify(opened.workspace, kept_hash=kept_hash, kept_log=against)
    if as_json:
        print_json(report)
    else:
        _print(report, is_compared=kept_hash is not None or against is not None)
    if report.doubts:
        raise typer.Exit(1)


def _print(report: AuditReport, *, is_compared: bool) -> None:
    for doubt in report.doubts:
        month = f"{doubt.billing_month}  " if doubt.billing_month else ""
        print(f"{month}{doubt.where}: {doubt.what}")
    if report.doubts:
        print(
            "Restore what differs from a backup; until then these months are in doubt."
        )
        return
    months = ", ".join(report.closed_months) or "none"
    print(f"{report.entry_count:,} entries as written; closed months: {months}.")
    if not is_compared:
        print(
            "A log that was written anew is found only by a hash that was kept"
            f' elsewhere: "triptych audit verify --head {report.head_hash[:12]}…".'
        )


__all__ = ["audit"]
