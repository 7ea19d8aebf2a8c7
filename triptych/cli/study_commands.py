"""``study``: lock a plan before its figures can be read; list, show and report."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.export_commands import write_whole
from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    find_workspace,
    open_workspace,
)
from triptych.cli.printing import print_json, print_table

if TYPE_CHECKING:
    import pandas as pd

    from attribution.plan import Plan
    from attribution.studies.register import Entry, StudyRegister

study = typer.Typer(
    no_args_is_help=True, help="Studies: register, list and show plans; report."
)


class ReportForm(StrEnum):
    """What a report is written as."""

    TEXT = "text"
    HTML = "html"
    PDF = "pdf"


@study.command()
def register(
    file: Annotated[Path, typer.Argument(help="The plan, such as studies/pilot.yml.")],
    *,
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Who declares it; no e-mail address.")
    ],
    history: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="CSV or Parquet of unit, date, outcome and controls, for the power.",
        ),
    ] = None,
    low_power_because: Annotated[
        str,
        typer.Option(
            metavar="REASON",
            help="Lock it although it would not find the smallest effect that matters.",
        ),
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Lock a plan, or amend the one that is locked; a locked plan is never changed."""
    from datetime import UTC, datetime

    from attribution.refusal import Refusal
    from attribution.studies.study_files import read_plan
    from triptych.errors import RefusedEstimateError

    known = _register_of(workspace, is_verbose=verbose)
    plan = read_plan(file)
    entry = known.register(
        plan,
        by=by,
        at=datetime.now(tz=UTC),
        history=None if history is None else _history(history),
        low_power_reason=low_power_because,
    )
    if isinstance(entry, Refusal):
        raise RefusedEstimateError(
            f"{entry.message} ({entry.code})",
            where=str(file),
            next_step=entry.what_would_fix_it,
        )
    if as_json:
        print_json(entry)
        return
    print(f"Study {entry.study_id} is {entry.event}: {known.state_of(plan)}.")
    _print_entry(entry, plan)


def _print_entry(entry: Entry, plan: Plan) -> None:
    from attribution.studies.power import power_of

    print(f"plan          {entry.plan_hash}")
    print(f"entry         {entry.entry_hash}")
    print(f"data until    {entry.data_cut_off}")
    detectable = entry.minimum_detectable_effect
    if detectable is None:
        print("Its power is not known: name the data there is by --history.")
    else:
        unit, smallest = plan.outcome_unit, plan.minimum_effect
        print(f"would find    {detectable:.3g} {unit}, 4 times of 5")
        if smallest is not None:
            often = power_of(smallest, detectable)
            print(f"power         {often:.0%} for {smallest:.3g} {unit}, which matters")
    if entry.low_power_reason:
        print(f"low power     {entry.low_power_reason}")
    for name, (before, after) in entry.changes.items():
        print(f"changed       {name}: {before} → {after}")


@study.command("list")
def list_studies(
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List the locked studies, each with its last entry."""
    known = _register_of(workspace, is_verbose=verbose)
    last = {entry.study_id: entry for entry in known.entries()}
    if as_json:
        print_json(list(last.values()))
    elif not last:
        print("No study is locked.")
    else:
        print_table(
            ("study", "event", "at", "by", "data until", "launch"),
            [
                (one.study_id, one.event, one.at, one.by, one.data_cut_off, launch)
                for one in last.values()
                for launch in [one.plan["launch"]]
            ],
        )


@study.command()
def show(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="The study.")],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show every entry of a study, with what each amendment changed."""
    from triptych.errors import UsageError

    entries = _register_of(workspace, is_verbose=verbose).entries(study_id)
    if not entries:
        raise UsageError(
            f"No study {study_id!r} is locked.",
            next_step='"triptych study list" names those that are.',
        )
    if as_json:
        print_json(entries)
        return
    for entry in entries:
        print(
            f"{entry.at}  {entry.event} by {entry.by}, data until {entry.data_cut_off}"
        )
        print(f"  plan {entry.plan_hash}")
        if entry.low_power_reason:
            print(f"  locked although its power was low: {entry.low_power_reason}")
        for name, (before, after) in entry.changes.items():
            print(f"  {name}: {before} → {after}")


@study.command()
def report(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="The study.")],
    *,
    form: Annotated[
        ReportForm, typer.Option("--format", help="What to write.")
    ] = ReportForm.TEXT,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Folder for the file; without it, text and HTML are printed.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Tell what a published study found, in one page of words."""
    from dashboard import exports
    from triptych.warehouse.reader import PublishedReader

    snapshot = PublishedReader(find_workspace(workspace).root).snapshot()
    file = exports.study_report_file(snapshot, study_id, form.value)
    if output is None and form is not ReportForm.PDF:
        print(file.content.decode(), end="")
        return
    path = write_whole(file, output or Path())
    print(path)


def _register_of(workspace: Path | None, *, is_verbose: bool) -> StudyRegister:
    from attribution.studies.register import StudyRegister

    opened = open_workspace(workspace, is_verbose=is_verbose)
    return StudyRegister(opened.workspace.study_register)


def _history(path: Path) -> pd.DataFrame:
    import pandas as pd

    from triptych.errors import UsageError

    try:
        if path.suffix == ".parquet":
            return pd.read_parquet(path)
        return pd.read_csv(path, dtype={"unit": str}, parse_dates=["date"])
    except (OSError, ValueError) as error:
        raise UsageError(
            f"The history cannot be read: {error}.",
            where=str(path),
            next_step="Give a CSV or Parquet file with columns unit, date, outcome.",
        ) from error


__all__ = ["study"]
