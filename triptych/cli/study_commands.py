"""``study``: lock a plan before its figures can be read; withdraw, list and report."""

from __future__ import annotations

from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.export_commands import write_export
from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    existing_workspace,
    open_workspace,
)
from triptych.cli.printing import print_json, print_table

if TYPE_CHECKING:
    from attribution.causal.plan import Plan
    from attribution.studies.register import Entry, StudyRegister

study = typer.Typer(
    no_args_is_help=True,
    help="Studies: register, withdraw, list and show plans; report.",
)


class ReportForm(StrEnum):
    """Output format of a report."""

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
    """Lock a plan, or amend a locked plan; a locked plan is never changed."""
    from attribution.causal.refusal import Refusal
    from attribution.studies.history import read_history
    from attribution.studies.study_files import read_plan
    from triptych.core.errors import RefusedEstimateError

    known = _register_of(workspace, is_verbose=verbose)
    plan = read_plan(file)
    entry = known.register(
        plan,
        by=by,
        at=datetime.now(tz=UTC),
        history=None if history is None else read_history(history),
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
        print(f"detectable    {detectable:.3g} {unit}, with 80 % power")
        if smallest is not None:
            often = power_of(smallest, detectable)
            print(f"power         {often:.0%} for {smallest:.3g} {unit}, which matters")
    if entry.low_power_reason:
        print(f"low power     {entry.low_power_reason}")
    for name, (before, after) in entry.changes.items():
        print(f"changed       {name}: {before} → {after}")


@study.command("plan")
def plan_study(
    file: Annotated[Path, typer.Argument(help="The plan, such as studies/pilot.yml.")],
    *,
    history: Annotated[
        Path,
        typer.Option(
            metavar="FILE",
            help="CSV or Parquet of unit, date, outcome and controls, for the power.",
        ),
    ],
    periods: Annotated[
        list[int] | None,
        typer.Option(min=1, help="Length after the launch; may be given again."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show expected findings by study length, in money and as a return.

    Each length is rehearsed on the history, with a launch that never happened.
    """
    from attribution.causal.unused_options import evident_design
    from attribution.studies.history import read_history
    from attribution.studies.planning import planned_lengths, treated_unit_count
    from attribution.studies.study_files import read_plan

    plan, rows = read_plan(file), read_history(history)
    planned = planned_lengths(rows, plan, periods or ())
    design = evident_design(plan) or "auto: the units of the panel decide"
    units = treated_unit_count(rows, plan)
    if as_json:
        print_json({"design": design, "treated_units": units, "lengths": planned})
        return
    print(f"design         {design}")
    print(f"treated units  {units:g}")
    print_table(
        (
            f"{plan.period}s",
            "end",
            f"finds {plan.outcome_unit}",
            "power",
            "in money",
            "cost until then",
            "finds ROI from",
        ),
        [
            (
                one.periods,
                one.end,
                one.reason if one.detectable is None else f"{one.detectable:.3g}",
                None if one.power is None else f"{one.power:.0%}",
                None if one.detectable_value is None else f"{one.detectable_value:.0f}",
                None if one.cost is None else f"{one.cost:.0f}",
                None if one.detectable_roi is None else f"{one.detectable_roi:.0%}",
            )
            for one in planned
        ],
    )
    if plan.economics is None:
        print("Money and ROI need `economics` in the plan: cost, and worth of a unit.")


@study.command()
def suggest(  # noqa: PLR0913  (each is an option)
    outcome: Annotated[
        str, typer.Argument(metavar="METRIC", help="A delivered outcome.")
    ],
    *,
    feature: Annotated[
        str, typer.Option(metavar="NAME", help="Default: as delivered with outcomes.")
    ] = "",
    launch: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="First day with the feature."),
    ] = None,
    unit: Annotated[
        list[str] | None,
        typer.Option(metavar="UNIT", help="With it from --launch on; default: all."),
    ] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Write the first plan to studies/.")
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Suggest plans that delivered outcomes allow, with expected findings."""
    from attribution.studies.outcome_rows import outcome_rows
    from attribution.studies.suggesting import suggested_for, table_of, write_plan
    from triptych.core.warehouse.gate import open_published

    opened = open_workspace(workspace, is_verbose=verbose)
    rows = outcome_rows(open_published(opened.workspace.root), outcome)
    day = launch.date() if launch else None
    suggested = suggested_for(
        outcome, rows, feature=feature, launch=day, units=unit or ()
    )
    if as_json:
        print_json(suggested)
    else:
        print_table(*table_of(suggested))
        for each in suggested:
            print(each.missing, end="\n" if each.missing else "")
    if write:
        path = write_plan(suggested[0], opened.workspace.studies_dir)
        print(f"Wrote {path.name}. Decide what it leaves open, then register it.")


@study.command()
def draw(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="A locked study.")],
    *,
    delivered: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV of a platform's assignments."),
    ] = None,
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Who delivers it; no e-mail address.")
    ] = "",
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Draw the arms of listed units: unit,arm a line.

    The hash of the plan's entry decides. With --delivered, keep the arms that the
    plan's platform assigned.
    """
    from attribution.studies.platform_exports import record_export
    from attribution.studies.sealed_draws import sealed_arms

    known = _register_of(workspace, is_verbose=verbose)
    if delivered is not None:
        at = datetime.now(tz=UTC)
        entry = record_export(known, study_id, delivered, by=by, at=at)
        return print_json(entry) if as_json else print(f"Kept: {entry.arms}")
    arms = sealed_arms(study_id, known.entries())
    if as_json:
        return print_json(arms)
    for name, arm in arms.items():
        print(f"{name},{arm}")
    return None


@study.command()
def withdraw(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="A locked study.")],
    *,
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Who decides; no e-mail address.")
    ],
    because: Annotated[
        str, typer.Option(metavar="REASON", help="Why it should no longer count.")
    ] = "",
    approve: Annotated[
        bool,
        typer.Option(
            "--approve", help="Agree, as a second person: it no longer counts."
        ),
    ] = False,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Withdraw a study; it is counted as registered until a second person approves."""
    from attribution.studies.withdrawals import check_logins, login_of
    from triptych.core.errors import UsageError
    from triptych.core.signatures import current_signature, of_operating_system
    from triptych.run.study_journal import open_register

    if approve and because:
        raise UsageError(
            "--because is for who withdraws a study, --approve for who agrees.",
            next_step="Give one of them; two people decide, one after the other.",
        )
    opened = open_workspace(workspace, is_verbose=verbose)
    known, now = open_register(opened.workspace), datetime.now(tz=UTC)
    signature = current_signature() or of_operating_system()
    login = login_of(signature)
    if approve and opened.settings.access.two_people == "identities":
        check_logins(known.entries(study_id), signature)
    if approve:
        entry = known.approve_withdrawal(study_id, by=by, at=now, login=login)
    else:
        entry = known.withdraw(study_id, by=by, because=because, at=now, login=login)
    if as_json:
        print_json(entry)
    elif approve:
        print(f"Study {study_id} is withdrawn: from the next run on it is not counted.")
    else:
        print(
            f"Study {study_id} is withdrawn by {entry.by}: {entry.because}.\n"
            "It is counted as registered until a second person decides:"
            f" triptych study withdraw {study_id} --approve --by NAME"
        )


@study.command()
def accept(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="A concluded study.")],
    *,
    data: Annotated[
        str, typer.Option(metavar="HASH", help="Data, as the study's note names it.")
    ],
    by: Annotated[
        str, typer.Option(metavar="NAME", help="Who accepts it; no e-mail address.")
    ],
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Accept data that was edited after a study's end; two logins decide."""
    from triptych.core.signatures import current_signature, of_operating_system

    known = _register_of(workspace, is_verbose=verbose)
    login = (current_signature() or of_operating_system()).subject
    at = datetime.now(tz=UTC)
    entry = known.accept_data(study_id, data, by=by, login=login, at=at)
    if as_json:
        return print_json(entry)
    return print(f"{entry.by} accepts data {data} of {study_id}; two logins decide.")


@study.command("list")
def list_studies(
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """List every study that has a file or was ever locked, with its standing."""
    from triptych.run.study_tables import declared_of

    opened = open_workspace(workspace, is_verbose=verbose)
    declared = declared_of(opened.workspace)
    if as_json:
        print_json([each.record() for each in declared])
        return
    if not any(one.entries for one in declared):
        print("No study is locked.")
    if declared:
        print_table(
            ("study", "state", "withdrawal", "locked", "by", "launch", "window end"),
            [
                (
                    one.plan.id,
                    one.state,
                    one.withdrawal,
                    one.entries[0].at if one.entries else "",
                    one.entries[0].by if one.entries else "",
                    one.plan.launch,
                    one.plan.window.end,
                )
                for one in declared
            ],
        )
    for one in declared:
        for note in one.notes:
            print(f"{one.plan.id}: {note}")


@study.command()
def show(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="The study.")],
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show every entry of a study, with the changes of each amendment."""
    from triptych.core.errors import UsageError

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
        if entry.because:
            print(f"  because: {entry.because}")
        if entry.low_power_reason:
            print(f"  locked although its power was low: {entry.low_power_reason}")
        for name, (before, after) in entry.changes.items():
            print(f"  {name}: {before} → {after}")


@study.command()
def report(
    study_id: Annotated[str, typer.Argument(metavar="ID", help="The study.")],
    *,
    form: Annotated[
        ReportForm, typer.Option("--format", help="Form to write.")
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
    """Report the findings of a published study in a page of words."""
    from dashboard import exports
    from triptych.core.warehouse.gate import open_published

    snapshot = open_published(existing_workspace(workspace).root)
    file = exports.study_report_file(snapshot, study_id, form.value)
    if output is None and form is not ReportForm.PDF:
        print(file.content.decode(), end="")
        return
    path = write_export(file, output or Path())
    print(path)


def _register_of(workspace: Path | None, *, is_verbose: bool) -> StudyRegister:
    from triptych.run.study_journal import open_register

    opened = open_workspace(workspace, is_verbose=is_verbose)
    return open_register(opened.workspace)
