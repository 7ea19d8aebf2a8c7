"""``close`` and ``reopen``: a month becomes final, or stops being it."""

from __future__ import annotations

from typing import Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json

PeriodOption = Annotated[
    str, typer.Option("--period", metavar="YYYY-MM", help="The billing month.")
]


def close(
    *,
    period: PeriodOption,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who closes it.")],
    approved_by: Annotated[
        str,
        typer.Option(
            "--approved-by", metavar="NAME", help="Who approves it: somebody else."
        ),
    ],
    reason: Annotated[
        str | None,
        typer.Option("--reason", metavar="TEXT", help="A remark for the audit log."),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Lock a reconciled month: its figures no longer move."""
    from dashboard.exports import stored_with_a_close
    from triptych import closing

    opened = open_workspace(workspace, is_verbose=verbose)
    report = closing.close(
        opened.workspace,
        opened.settings,
        closing.SignOff(by, approved_by, reason),
        period=period,
        renderers=(stored_with_a_close,),
        progress=opened.progress,
    )
    if as_json:
        print_json(report)
        return
    print(
        f"{period} is closed: by {report.locked_by}, approved by {report.approved_by}."
    )
    print(f"lock          {report.lock_id}")
    print(f"rows kept     {report.row_count:,}")
    print(f"content hash  {report.content_hash}")
    print(f"audit log     {report.audit_log_hash}")
    print(f"files         {report.folder}")
    print(f"Published run {report.published_run_id}")


def reopen(
    *,
    period: PeriodOption,
    by: Annotated[str, typer.Option("--by", metavar="NAME", help="Who opens it.")],
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help="Why; the audit log has it.")
    ],
    approved_by: Annotated[
        str | None,
        typer.Option(
            "--approved-by", metavar="NAME", help="Who approves it: somebody else."
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """End the lock of a month, with a reason."""
    from triptych import closing

    opened = open_workspace(workspace, is_verbose=verbose)
    report = closing.reopen(
        opened.workspace,
        opened.settings,
        closing.SignOff(by, approved_by, reason),
        period=period,
        progress=opened.progress,
    )
    if as_json:
        print_json(report)
        return
    print(f"{period} is open again: {report.reopened_by}: {report.reason}")
    print(f"audit log     {report.audit_log_hash}")
    print(f"Published run {report.published_run_id}")


__all__ = ["close", "reopen"]
