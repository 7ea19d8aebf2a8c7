"""``value`` and ``assumption``: sign for returns, make room for proposals."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path  # noqa: TC003  (for typer)
from typing import Annotated
from uuid import uuid4

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
assumption = typer.Typer(
    no_args_is_help=True, help="Proposed assumptions: end or withdraw them."
)
AssumptionArgument = Annotated[
    str, typer.Argument(metavar="ID", help="The proposal in assumptions.yml.")
]
FromOption = Annotated[
    datetime | None,
    typer.Option(
        "--valid-from",
        formats=["%Y-%m-%d"],
        help="First day of the version, where there are several.",
    ),
]


@value.callback()
def _of_features() -> None:
    """Keep ``validate`` a separate command although it is the only command."""


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


@assumption.command()
def end(
    proposal: AssumptionArgument,
    *,
    on: Annotated[
        datetime,
        typer.Option(
            "--on", formats=["%Y-%m-%d"], help="First day that it no longer covers."
        ),
    ],
    valid_from: FromOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """End a proposed assumption on a day, so that another can follow it."""
    given = {"id": proposal, **_days(valid_from=valid_from, valid_to=on)}
    _act("end_proposed_assumption", given, workspace, as_json, verbose)


@assumption.command()
def withdraw(
    proposal: AssumptionArgument,
    *,
    valid_from: FromOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Withdraw a proposed assumption, so that another can take its place."""
    given = {"id": proposal, **_days(valid_from=valid_from)}
    _act("withdraw_assumption", given, workspace, as_json, verbose)


def _days(**days: datetime | None) -> dict[str, str]:
    return {name: f"{day:%Y-%m-%d}" for name, day in days.items() if day is not None}


def _act(
    name: str,
    given: dict[str, str],
    workspace: Path | None,
    as_json: bool,  # noqa: FBT001
    verbose: bool,  # noqa: FBT001
) -> None:
    """Do an act of the pages as the user of the operating system."""
    from triptych.acts.door import open_door
    from triptych.core.acts import Actor
    from triptych.core.signatures import of_operating_system

    opened = open_workspace(workspace, is_verbose=verbose)
    outcome = open_door(opened.workspace.root).apply(
        Actor(of_operating_system()), name, given, token=uuid4().hex
    )
    if as_json:
        print_json(outcome)
        return
    print(f"{outcome.did} {outcome.effect}")
    print(f"audit log     {outcome.entry_hash}")
