"""``comment``: remarks on the figures of a month."""

from __future__ import annotations

from typing import Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    PeriodOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json


def comment(  # noqa: PLR0913  (one per option)
    text: Annotated[str, typer.Argument(help="Text of the comment.")],
    *,
    period: PeriodOption,
    by: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Name to show in place of the user's, who signs either way.",
        ),
    ] = None,
    against: Annotated[
        str | None,
        typer.Option(
            metavar="YYYY-MM", help="The earlier month that it is compared with."
        ),
    ] = None,
    model: Annotated[
        str | None, typer.Option(metavar="ID", help="The model it is about.")
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Build a run that shows it at once.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Add a comment with its author to a month; it is never changed or removed."""
    from triptych.core.signatures import of_operating_system, signing
    from triptych.core.warehouse.locks import CommentText
    from triptych.month import commenting

    opened = open_workspace(workspace, is_verbose=verbose)
    with signing(of_operating_system()) as user:
        report = commenting.comment(
            opened.workspace,
            opened.settings,
            CommentText(period, by or user.name, text, against, model),
            is_published=publish,
            progress=opened.progress,
        )
    if as_json:
        print_json(report)
        return
    print(f"{report.author} commented on {report.billing_month}.")
    print(f"audit log     {report.audit_log_hash}")
    if report.published_run_id is None:
        print('The next run shows it; "triptych build" makes one now.')
    else:
        print(f"Published run {report.published_run_id}")
