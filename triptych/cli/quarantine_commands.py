"""``quarantine``: rows that were refused, why, and reading them again."""

from __future__ import annotations

from typing import Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
    refuse_unknown_source,
)
from triptych.cli.printing import print_json, print_table

SourceArgument = Annotated[
    str | None, typer.Argument(metavar="[SOURCE]", help="Only of this source.")
]

quarantine = typer.Typer(
    no_args_is_help=True, help="Rows that were refused: list, show, retry."
)


@quarantine.command("list")
def list_reasons(
    source: SourceArgument = None,
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Count the refused rows of the current loads by source and reason."""
    from triptych.core.warehouse.inspection import read_quarantine_reasons

    opened = open_workspace(workspace, is_verbose=verbose)
    refuse_unknown_source(opened, source)
    reasons = read_quarantine_reasons(opened.workspace.raw_database, source=source)
    if as_json:
        print_json(reasons)
    elif not reasons:
        print("The quarantine is empty.")
    else:
        print_table(
            ("source", "stream", "reason", "rows", "last seen"),
            [
                (
                    reason.source,
                    reason.stream,
                    reason.reason,
                    reason.row_count,
                    reason.last_seen_at.replace(microsecond=0),
                )
                for reason in reasons
            ],
        )


@quarantine.command()
def show(
    source: SourceArgument = None,
    *,
    reason: Annotated[
        str | None, typer.Option(metavar="CODE", help="Only this reason.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many rows.")] = 20,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show refused rows as they were delivered, by file:row; a header is no row."""
    from triptych.core.warehouse.inspection import read_refused_rows

    opened = open_workspace(workspace, is_verbose=verbose)
    refuse_unknown_source(opened, source)
    rows = read_refused_rows(
        opened.workspace.raw_database, source=source, reason=reason, limit=limit
    )
    if as_json:
        print_json(rows)
        return
    if not rows:
        print("No such row is in quarantine.")
    for row in rows:
        place = (
            row.origin if row.row_number is None else f"{row.origin}:{row.row_number}"
        )
        print(f"{place}  {row.reason}  (source {row.source}, {row.stream})")
        print(f"  {row.row_content}")


@quarantine.command()
def retry(
    source: SourceArgument = None,
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Read every delivery that has refused rows again."""
    from triptych.cli.run_commands import ingest_record, print_ingest
    from triptych.run import pipeline

    opened = open_workspace(workspace, is_verbose=verbose)
    report = pipeline.retry_quarantine(
        opened.workspace, opened.settings, source=source, progress=opened.progress
    )
    if as_json:
        print_json(ingest_record(report))
    else:
        print_ingest(report)
    report.raise_first_failure()
