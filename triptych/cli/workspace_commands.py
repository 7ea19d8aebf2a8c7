"""``init``, ``check`` and ``status``: a workspace begins, is judged, is looked at."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from triptych.cli.discover_command import YesOption  # noqa: TC001  (for typer)
from triptych.cli.options import (
    JsonOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json, print_table, spans_of_months
from triptych.core.errors import SourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from attribution.studies.declared import DeclaredStudy
    from ingest.connector import Connector
    from triptych.cli.options import OpenWorkspace
    from triptych.core.run_record import LastRun, RebuiltNodes
    from triptych.discovery.file_report import TagCoverage
    from triptych.discovery.inspection import SourceInspection
    from triptych.discovery.observation import Observation
    from triptych.run.probe import SourceProbe
    from triptych.service.readiness import Control
    from triptych.service.status import StatusReport, Unbuilt


#: Of a source's tag keys, those on most money are listed.
_MOST_TAGS = 10


def init(
    directory: Annotated[
        Path | None,
        typer.Argument(metavar="[DIR]", help="New or empty folder; default: here."),
    ] = None,
    *,
    bills: Annotated[
        list[Path] | None,
        typer.Option(
            "--from",
            metavar="FILE",
            help="A bill, or a folder with bills: copy them and propose AI charges,"
            " models and owners. May be given several times.",
        ),
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            metavar="ROLE=COLUMN",
            help="Column of an unknown bill by role, such as amount=Net; also"
            " currency=USD, vendor=NAME and dates=day first. May be given several"
            " times.",
        ),
    ] = None,
    yes: YesOption = False,
    with_run: Annotated[
        bool, typer.Option("--run", help="Run it at once; with --from.")
    ] = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Write a commented, valid workspace; with --from, fitted to your bills."""
    from triptych.core.errors import UsageError
    from triptych.core.workspace import initialise

    place = directory or workspace or Path()
    if bills:
        _init_from(
            place, bills, mapped or [], yes=yes, with_run=with_run, is_verbose=verbose
        )
        return
    if with_run:
        raise UsageError(
            "--run needs a bill to run with.", next_step="Name one with --from FILE."
        )
    root = initialise(place).root
    print(f"A new workspace is in {root}")
    print("Put bills (CSV, CSV.gz, Parquet) in bills/, edit triptych.yml,")
    print(f'then: cd "{root}" && triptych check && triptych run && triptych dashboard')


def _init_from(
    place: Path,
    bills: list[Path],
    mapped: list[str],
    *,
    yes: bool,
    with_run: bool,
    is_verbose: bool,
) -> None:
    from triptych.cli.discover_command import print_discovery, settle
    from triptych.discovery.bill_mapping import answers_of
    from triptych.discovery.discover import discover
    from triptych.discovery.first_workspace import workspace_from
    from triptych.run import pipeline

    first = workspace_from(place, bills, answers_of(mapped))
    for report in first.taken:
        print(f"ok      {report.line}")
        if report.mapped is not None:
            print(f"        {report.mapped.line}")
    for report in first.left_out:
        print(f"left out {report.line} {report.next_step}".rstrip())
    root = first.workspace.root
    print(f"A new workspace is in {root}, in {first.currency}")
    opened = open_workspace(root, is_verbose=is_verbose)
    connectors = pipeline.bound_connectors(opened.workspace, opened.settings)
    discovered = discover(connectors, opened.settings)
    print_discovery(discovered)
    _print_observations(discovered.observations)
    settle(opened.workspace, discovered, yes=yes)
    if with_run:
        opened = open_workspace(root, is_verbose=is_verbose)
        pipeline.run(opened.workspace, opened.settings, progress=opened.progress)
        print(f'See Cost by model: triptych dashboard -w "{root}"')
    else:
        print(f'Then: cd "{root}" && triptych run && triptych dashboard')


class CheckFormat(StrEnum):
    """Output format of a check."""

    TEXT = "text"
    JSON = "json"


def check(
    *,
    measurement: Annotated[
        bool,
        typer.Option(
            "--measurement",
            help="Instead: data that each feature needs to be judged, evidence of"
            " platforms' controls, and gaps.",
        ),
    ] = False,
    format_: Annotated[
        CheckFormat, typer.Option("--format", help="json is the same as --json.")
    ] = CheckFormat.TEXT,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Validate every file, open every bill, and ask each source if it can be read."""
    opened = open_workspace(workspace, is_verbose=verbose)
    is_json = as_json or format_ is CheckFormat.JSON
    if measurement:
        _check_measurement(opened.workspace.root, is_json=is_json)
    else:
        _check_sources(opened, is_json=is_json)


def _check_measurement(root: Path, *, is_json: bool) -> None:
    from triptych.service.readiness import read_readiness

    readiness = read_readiness(root)
    if is_json:
        print_json(readiness)
        return
    if not readiness.measurements:
        print("No feature is declared: add features to catalog.yml.")
    for feature, needed in readiness.features.items():
        known = sum(one.is_measured for one in needed)
        print(
            f"{feature}: {known} of {len(needed)} are measured (run {readiness.run_id})"
        )
        for one in needed:
            since = f"since {one.measured_since}" if one.measured_since else ""
            mark = "ok     " if one.is_measured else "missing"
            print(f"  {mark} {one.name} {since}".rstrip())
            if one.next_step:
                print(f"          start with {one.next_step}")
    for platform, controls in readiness.platforms.items():
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
    from triptych.core.warehouse.coverage_overlaps import (
        published_overlaps,
        refuse_open_overlaps,
    )
    from triptych.core.warehouse.undecided_sources import (
        read_undecided,
        refuse_undecided,
    )
    from triptych.evidence.kept_files import missing_evidence, refuse_damaged
    from triptych.run.pipeline import bound_connectors
    from triptych.run.probe import probe_sources
    from triptych.run.study_tables import declared_of

    studies = declared_of(opened.workspace)
    connectors = bound_connectors(opened.workspace, opened.settings)
    names = [source.name for source in opened.settings.sources]
    undecided = read_undecided(opened.workspace.raw_database, names)
    overlaps = published_overlaps(opened.workspace.root)
    engine = opened.settings.warehouse.engine
    probes = list(probe_sources(connectors, engine=engine))
    missing = missing_evidence(opened.workspace)
    inspections, together = _inspect(opened, connectors, studies)
    if is_json:
        print_json(
            {
                "workspace": opened.workspace.root,
                "warnings": opened.settings.warnings,
                "studies": [_study_record(study) for study in studies],
                "sources": list(map(_probe_record, probes, inspections)),
                "observations": together,
                "undecided_sources": undecided,
                "coverage_overlaps": overlaps,
                "evidence": missing,
            }
        )
    else:
        print(f"The settings in {opened.workspace.root} are valid.")
        _print_studies(studies)
        _print_probes(probes, inspections)
        _print_observations(together)
        doubts = [each.what for each in (*undecided, *overlaps)]
        for line in (*doubts, *map(str, missing)):
            print(line)
    _refuse_what_is_missing(probes, inspections, together)
    refuse_undecided(undecided)
    refuse_open_overlaps(overlaps)
    refuse_damaged(missing)


def _inspect(
    opened: OpenWorkspace,
    connectors: Sequence[Connector],
    studies: Iterable[DeclaredStudy],
) -> tuple[list[SourceInspection], list[Observation]]:
    """Open the local files of each source, and compare them with each other."""
    from triptych.discovery.inspection import inspect_sources, observe_together
    from triptych.discovery.ledger_sample import bench
    from triptych.discovery.study_outcomes import delivered_units, doubtful_studies

    root = opened.workspace.root
    with bench() as connection:
        inspections = inspect_sources(connection, connectors, root=root)
        together = observe_together(
            connection, inspections, opened.settings, connectors
        )
        tables = [table for each in inspections for table in each.tables]
        units = delivered_units(connection, tables, connectors, root)
    plans = [study.plan for study in studies]
    doubtful = doubtful_studies(plans, units, opened.settings)
    return inspections, [*together, *doubtful]


def _print_studies(studies: Iterable[DeclaredStudy]) -> None:
    """Print the state of each study, and its notes."""
    for study in studies:
        print(f"study {study.plan.id}: {study.state}")
        for note in study.notes:
            print(f"  {note}")


def _study_record(study: DeclaredStudy) -> dict[str, object]:
    return {
        "study": study.plan.id,
        "plan_hash": study.plan.hash,
        "state": study.state,
        "withdrawal": study.withdrawal,
        "notes": study.notes,
    }


def _refuse_what_is_missing(
    probes: list[SourceProbe],
    inspections: list[SourceInspection],
    together: list[Observation],
) -> None:
    failed = [
        probe.source
        for probe, inspection in zip(probes, inspections, strict=True)
        if not probe.is_ok
        or any(each.level == "missing" for each in inspection.observations)
    ]
    if failed:
        raise SourceError(
            f"Not ready: {', '.join(failed)}.",
            next_step="What each of them lacks is listed above.",
        )
    if any(each.level == "missing" for each in together):
        raise SourceError(
            "Not ready: sources lack something together.",
            next_step="What is missing is listed above.",
        )


def _probe_record(
    probe: SourceProbe, inspection: SourceInspection
) -> dict[str, object]:
    return {
        "source": probe.source,
        "type": probe.source_type,
        "is_ok": probe.is_ok,
        "findings": probe.findings,
        "files": [report.record() for report in inspection.files],
        "observations": inspection.observations,
    }


def _print_probes(
    probes: list[SourceProbe], inspections: list[SourceInspection]
) -> None:
    if not probes:
        print("No source is configured: add one to triptych.yml.")
    for probe, inspection in zip(probes, inspections, strict=True):
        print(f"{probe.source} ({probe.source_type})")
        for finding in probe.findings:
            mark = "ok     " if finding.is_ok else "missing"
            print(f"  {mark} {finding.message} {finding.next_step}".rstrip())
        _print_observations(inspection.observations)
        for line in _tag_lines(inspection):
            print(f"  ok      {line}")


def _print_observations(observations: Sequence[Observation]) -> None:
    for each in observations:
        print(f"  {each.level:<7} {each.message} {each.next_step}".rstrip())


def _tag_lines(inspection: SourceInspection) -> Iterator[str]:
    """Yield the tag keys of a source's bills, those on most money first."""
    tags: dict[str, TagCoverage] = {}
    for report in inspection.files:
        for tag in report.tags:
            if tag.key not in tags or tag.cost_share > tags[tag.key].cost_share:
                tags[tag.key] = tag
    for tag in sorted(tags.values(), key=lambda tag: -tag.cost_share)[:_MOST_TAGS]:
        examples = ", ".join(tag.examples)
        yield f"tag {tag.key}: {tag.cost_share:.0%} of cost, such as {examples}"


def status(
    *,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Show the last run, the published run, each month and each source."""
    from triptych.service.status import status as look_at

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
    if report.published_run_id is not None:
        _print_unbuilt(report.unbuilt)
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
    _print_sources(report)


def _print_sources(report: StatusReport) -> None:
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


def _print_unbuilt(unbuilt: Unbuilt) -> None:
    if unbuilt.added_count or unbuilt.withdrawn_count:
        print(
            f"  not in it yet: {unbuilt.added_count:,} loads that came since,"
            f" {unbuilt.withdrawn_count:,} that were withdrawn or replaced since;"
            " triptych build"
        )


def _print_rebuilt(rebuilt: RebuiltNodes) -> None:
    months = ", ".join(spans_of_months(rebuilt.months))
    of_months = f"; months {months}" if months else ""
    print(f"Rebuilt by it: {rebuilt.count:,} models and tests{of_months}")
    if rebuilt.because:
        print(f"  because of: {', '.join(rebuilt.because)}")
