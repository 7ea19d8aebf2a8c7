"""``value``: sign for what a feature returned."""

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
from triptych.core.progress import progress_for

value = typer.Typer(no_args_is_help=True, help="Values of features: validate.")


@value.callback()
def _of_features() -> None:
    """Keep ``validate`` a command of its own although it is the only one."""


@value.command()
def validate(
    feature: Annotated[str, typer.Argument(metavar="FEATURE", help="The feature.")],
    *,
    by: Annotated[
        str | None,
        typer.Option(
            "--by",
            metavar="NAME",
            help="Name to show in place of the user's, who signs either way.",
        ),
    ] = None,
    publish: Annotated[
        bool, typer.Option("--publish", help="Build a run that shows it at once.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Sign for the value of a feature as it is published; the audit log keeps it."""
    from triptych.core.signatures import of_operating_system, signing
    from triptych.month import validating

    opened = open_workspace(workspace, is_verbose=verbose)
    with signing(of_operating_system()) as user:
        report = validating.validate(
            opened.workspace,
            opened.settings,
            feature,
            by=by or user.name,
            is_published=publish,
            progress=progress_for(),
        )
    if as_json:
        print_json(report)
        return
    print(f"{report.validated_by} validated the value of {report.feature_id}.")
    print(f"net value     {report.currency} {report.net_value:,.2f} in measured months")
    print(f"basis         {report.basis}")
    print(f"audit log     {report.audit_log_hash}")
    if report.published_run_id is None:
        print('The next run shows it; "triptych build" makes one now.')
    else:
        print(f"Published run {report.published_run_id}")
