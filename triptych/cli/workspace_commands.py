"""``init``, ``check`` and ``status``: a workspace begins, is judged, is looked at."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json, print_table
from triptych.errors import SourceError

if TYPE_CHECKING:
    from triptych.cli.options import OpenWorkspace
    from triptych.probe import SourceProbe
    from triptych.readiness import Control
    from triptych.run_record import LastRun, RebuiltNodes
    from triptych.status import StatusReport


def init(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="New or empty folder; default: here."),
    ] = None,
    *,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,  # noqa: ARG001  (read by the group)
) -> None:
    """Write a commented, valid workspace."""
    from triptych.workspace import initialise

    root = initialise(directory or workspace or Path()).root
    print(f"A new workspace is in {root}")
    print("Put FOCUS files (CSV, CSV.gz, Parquet) in bills/, edit triptych.yml,")
    print(f'then: cd "{root}" && triptych check && triptych run && triptych dashboard')


class CheckFormat(StrEnum):
    """How a check is printed."""

    TEXT = "text"
    JSON = "json"


def check(
    *,
    measurement: Annotated[
        bool,
        typer.Option(
            "--measurement",
            help="Instead: what each feature needs to be judged, which controls of each"
            " platform have evidence, and what is missing.",
        ),
    ] = False,
    format_: Annotated[
        CheckFormat, typer.Option("--format", help="json is the same as --json.")
    ] = CheckFormat.TEXT,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Validate every file, and ask each source whether it can be read."""
    opened = open_workspace(workspace, is_verbose=verbose)
    is_json = as_json or format_ is CheckFormat.JSON
    if measurement:
        _check_measurement(opened.workspace.root, is_json=is_json)
    else:
        _check_sources(opened, is_json=is_json)


def _check_measurement(root: Path, *, is_json: bool) -> None:
    from triptych.readiness import read_readiness

    found = read_readiness(root)
    if is_json:
        print_json(found)
        return
    if not found.measurements:
        print("No feature is declared: add features to catalog.yml.")
    for feature, needed in found.features.items():
        known = sum(one.is_measured for one in needed)
        print(f"{feature}: {known} of {len(needed)} are measured (run {found.run_id})")
        for one in needed:
            since = f"since {one.measured_since}" if one.measured_since else ""
            mark = "ok     " if one.is_measured else "missing"
            print(f"  {mark} {one.name} {since}".rstrip())
            if one.next_step:
                print(f"          start with {one.next_step}")
    for platform, controls in found.platforms.items():
        _print_controls(platform, controls)


def _print_controls(platform: str, controls: tuple[Control, ...]) -> None:
    shown = sum(control.state == "evidenced" for control in controls)
    print(f"{platform}: {shown} of {len(controls)} controls have current evidence")
    for control in controls:
        detail = f" ({control.detail})" if control.detail else ""
        print(f"  {control.state:<9} {control.name}{detail}")
        if control.next_step:
            print(f"            start with {control.next_step}")


def _check_sources(opened: OpenWorkspace, *, is_json: bool) -> None:
    from triptych.control_of_studies import studies_hash_content, studies_of
    from triptych.pipeline import bound_connectors
    from triptych.probe import probe_sources

    plans = studies_of(opened.workspace)
    studies = studies_hash_content(opened.workspace, plans)
    connectors = bound_connectors(opened.workspace, opened.settings)
    engine = opened.settings.warehouse.engine
    probes = list(probe_sources(connectors, engine=engine))
    if is_json:
        print_json(
            {
                "workspace": opened.workspace.root,
                "warnings": opened.settings.warnings,
                "studies": [
                    {"study": study_id, "plan_hash": plan_hash, "state": state}
                    for study_id, plan_hash, state in studies
                ],
                "sources": [_probe_record(probe) for probe in probes],
            }
        )
    else:
        print(f"The settings in {opened.workspace.root} are valid.")
        for study_id, _, state in studies:
            print(f"study {study_id}: {state}")
        _print_probes(probes)
    failed = [probe.source for probe in probes if not probe.is_ok]
    if failed:
        raise SourceError(f"Not ready: {', '.join(failed)}.")


def _probe_record(probe: SourceProbe) -> dict[str, object]:
    return {
        "source": probe.source,
        "type": probe.source_type,
        "is_ok": probe.is_ok,
        "findings": probe.findings,
    }


def _print_probes(probes: list[SourceProbe]) -> None:
    if not probes:
        print("No source is configured: add one to triptych.yml.")
    for probe in probes:
        print(f"{probe.source} ({probe.source_type})")
        for finding in probe.findings:
            mark = "ok     " if finding.is_ok else "missing"
            print(f"  {mark} {finding.message} {finding.next_step}".rstrip())


def status(
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show the last run, what is published, each month and each source."""
    from triptych.status import status as look_at

    opened = open_workspace(workspace, is_verbose=verbose)
    report = look_at(opened.workspace, opened.settings)
    if as_json:
        print_json(report)
    else:
        _print_status(report)


def _print_status(report: StatusReport) -> None:
    if report.is_synthetic:
        print("SYNTHETIC: the data of this workspace is simulated.")
    print(f"Health: {report.health.state}")
    for reason in report.health.reasons:
        print(f"  {reason}")
    _print_last_run(report.last_run)
    print(f"Published: {report.published_run_id or 'nothing yet'}")
    if report.rebuilt is not None:
        _print_rebuilt(report.rebuilt)
    if report.studies:
        counts = sorted(report.studies.items())
        print(f"Studies: {', '.join(f'{count:,} {name}' for name, count in counts)}")
    if report.periods:
        print_table(
            ("month", "state", "adjustments", "why"),
            [
                (month.billing_month, month.state, month.adjustment_count, month.reason)
                for month in report.periods
            ],
        )
    if report.sources:
        print_table(
            ("source", "last tried", "last success", "loads", "rows", "quarantined"),
            [
                (
                    source.source,
                    source.last_attempt_at.replace(microsecond=0),
                    source.last_success_at
                    and source.last_success_at.replace(microsecond=0),
                    source.load_count,
                    source.row_count,
                    source.quarantined_row_count,
                )
                for source in report.sources
            ],
        )
    for source in report.sources:
        if source.last_error:
            print(f"{source.source}: {source.last_error}")
    for name in report.untried_sources:
        print(f"{name}: never ingested")


def _print_last_run(run: LastRun | None) -> None:
    if run is None:
        print("No run yet.")
        return
    print(f"Last run: {run.run_id}, {run.state}")
    problems = [text for text in (run.error, *run.failures) if text]
    for text in (*problems, *(f"test warned: {name}" for name in run.warnings)):
        print(f"  {text}")


def _print_rebuilt(rebuilt: RebuiltNodes) -> None:
    months = f"; months {', '.join(rebuilt.months)}" if rebuilt.months else ""
    print(f"Rebuilt by it: {rebuilt.count:,} models and tests{months}")
    if rebuilt.because:
        print(f"  because of: {', '.join(rebuilt.because)}")


__all__ = ["check", "init", "status"]
