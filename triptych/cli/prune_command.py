"""``prune``: superseded loads that nothing needs, and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from triptych.evidence.pruning import PruneReport

_BYTES_PER_MB = 1_000_000


def prune(
    *,
    apply: Annotated[
        bool, typer.Option("--apply", help="Remove them; else nothing changes.")
    ] = False,
    because: Annotated[
        str | None,
        typer.Option("--because", metavar="TEXT", help="Reason, for the audit log."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List superseded loads that nothing needs; remove them with --apply."""
    from triptych.evidence import pruning

    opened = open_workspace(workspace, is_verbose=verbose)
    report = pruning.prune(opened.workspace, is_applied=apply, because=because)
    if as_json:
        print_json(report)
        return
    if report.sources:
        print_table(
            ("source", "stream", "loads", "MB"),
            [
                (
                    source.source,
                    source.stream,
                    source.load_count,
                    f"{source.byte_count / _BYTES_PER_MB:,.1f}",
                )
                for source in report.sources
            ],
        )
    for reason, count in sorted(report.kept.items()):
        print(f"{count:,} superseded loads stay: {reason}.")
    print(_conclusion(report))


def _conclusion(report: PruneReport) -> str:
    amount = (
        f"{len(report.load_ids):,} loads, {report.byte_count / _BYTES_PER_MB:,.1f} MB"
    )
    if not report.load_ids:
        return "There is nothing to remove."
    if report.is_applied:
        return f"Removed {amount}.\naudit log  {report.audit_log_hash}"
    return (
        f"{amount} can go. Nothing was removed;"
        ' "triptych prune --apply --because TEXT" removes them.'
    )
