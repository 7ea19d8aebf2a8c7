"""``ingest``, ``build`` and ``run``, and the models of a workspace that they build."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path  # noqa: TC003  (for typer)
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from triptych.cli.options import (
    EngineOption,
    JsonOption,
    LogFormatOption,
    MemoryLimitOption,
    ThreadsOption,
    VerboseOption,
    WorkspaceOption,
    open_workspace,
)
from triptych.cli.printing import print_json, print_table
from triptych.core.errors import UsageError

if TYPE_CHECKING:
    from ingest.connector import Window
    from ingest.engine.runner import IngestReport
    from triptych.core.warehouse.reader import Snapshot
    from triptych.run.pipeline import BuildReport

SourcesArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="[SOURCE]...", help="Sources by name; default: all."),
]
FromOption = Annotated[
    datetime | None,
    typer.Option("--from", formats=["%Y-%m-%d"], help="First day, UTC."),
]
ToOption = Annotated[
    datetime | None,
    typer.Option("--to", formats=["%Y-%m-%d"], help="First day excluded."),
]


def ingest(  # noqa: PLR0913  (one parameter for each option)
    sources: SourcesArgument = None,
    *,
    start: FromOption = None,
    end: ToOption = None,
    threads: ThreadsOption = None,
    memory_limit: MemoryLimitOption = None,
    log_format: LogFormatOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Pull new data from the sources; no new data commits nothing."""
    from triptych.run import pipeline
    from triptych.run.after_run import reported

    opened = open_workspace(
        workspace,
        is_verbose=verbose,
        threads=threads,
        memory_limit=memory_limit,
        log_format=log_format,
    )
    window = _window(start, end)
    with reported(opened.workspace, opened.settings):
        report = pipeline.ingest(
            opened.workspace,
            opened.settings,
            sources=sources or (),
            window=window,
            progress=opened.progress,
        )
        if as_json:
            print_json(ingest_record(report))
        else:
            print_ingest(report)
        report.raise_first_failure()


def build(  # noqa: PLR0913  (one parameter for each option)
    *,
    full: Annotated[
        bool,
        typer.Option("--full", help="Build everything again, whatever was kept."),
    ] = False,
    engine: EngineOption = None,
    threads: ThreadsOption = None,
    memory_limit: MemoryLimitOption = None,
    log_format: LogFormatOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Build, test and publish the marts from the ingested data."""
    from triptych.evidence.kept_files import refuse_damaged
    from triptych.run import pipeline
    from triptych.run.after_run import reported

    opened = open_workspace(
        workspace,
        is_verbose=verbose,
        engine=engine,
        threads=threads,
        memory_limit=memory_limit,
        log_format=log_format,
    )
    with reported(opened.workspace, opened.settings):
        report = pipeline.build(
            opened.workspace, opened.settings, full=full, progress=opened.progress
        )
        if as_json:
            print_json(_build_record(report))
        else:
            _print_build(report)
        refuse_damaged(report.evidence)


def run(  # noqa: PLR0913  (one parameter for each option)
    sources: SourcesArgument = None,
    *,
    start: FromOption = None,
    end: ToOption = None,
    keep_going: Annotated[
        bool,
        typer.Option("--keep-going", help="Build although a source failed."),
    ] = False,
    engine: EngineOption = None,
    threads: ThreadsOption = None,
    memory_limit: MemoryLimitOption = None,
    log_format: LogFormatOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
    verbose: VerboseOption = False,
) -> None:
    """Ingest, build and publish; goes on where a crashed run stopped."""
    from triptych.evidence.kept_files import refuse_damaged
    from triptych.run import pipeline
    from triptych.run.after_run import reported

    opened = open_workspace(
        workspace,
        is_verbose=verbose,
        engine=engine,
        threads=threads,
        memory_limit=memory_limit,
        log_format=log_format,
    )
    window = _window(start, end)
    with reported(opened.workspace, opened.settings):
        report = pipeline.run(
            opened.workspace,
            opened.settings,
            sources=sources or (),
            window=window,
            keep_going=keep_going,
            progress=opened.progress,
        )
        if as_json:
            ingested = ingest_record(report.ingest)
            print_json({"ingest": ingested, "build": _build_record(report.build)})
        else:
            print_ingest(report.ingest)
            _print_build(report.build)
            _print_doubts(opened.workspace.root)
            _print_ai_cost(opened.workspace.root)
            _print_overlaps(opened.workspace.root)
        report.ingest.raise_first_failure()
        refuse_damaged(report.build.evidence)


def print_ingest(report: IngestReport) -> None:
    """Print the result of each source."""
    loads = Counter(load.source for load in report.committed)
    for source, count in loads.items():
        mine = [load for load in report.committed if load.source == source]
        rows = _counted(sum(load.row_count for load in mine), "row")
        refused = sum(load.quarantined_row_count for load in mine)
        quarantine = f", {refused:,} in quarantine" if refused else ""
        print(f"{source}: {_counted(count, 'new load')}, {rows}{quarantine}")
    if report.skipped_count:
        print(f"{_counted(report.skipped_count, 'delivery', 'deliveries')} unchanged")
    offered = (report.committed, report.skipped_count, report.failures, report.notes)
    if not any(offered):
        print("No source offered anything.")
    if report.quarantined_row_count:
        print('Rows in quarantine count nowhere: "triptych quarantine list" says why.')
    for note in report.notes:
        print(f"note: {note}")


def ingest_record(report: IngestReport) -> dict[str, object]:
    """Return an ingest as JSON has it."""
    return {
        "committed": report.committed,
        "skipped_count": report.skipped_count,
        "quarantined_row_count": report.quarantined_row_count,
        "notes": report.notes,
        "failures": [
            {"source": failure.source, "error": str(failure.error)}
            for failure in report.failures
        ],
    }


def _build_record(report: BuildReport) -> dict[str, object]:
    return {
        "run_id": report.run_id,
        "published_path": report.published_path,
        "is_unchanged": report.is_unchanged,
        "warnings": [node.name for node in report.transform.warnings],
        "evidence": report.evidence,
        "studies": report.studies.statuses,
    }


def _print_build(report: BuildReport) -> None:
    for node in report.transform.warnings:
        print(f"warning: {node.name}: {_counted(node.failure_count, 'row')}")
    for text in report.evidence:
        print(f"warning: {text}")
    _print_studies(report)
    if report.is_unchanged:
        published = report.published_path.stem
        print(f"Nothing has changed since run {published}, which stays published.")
    else:
        print(f"Published run {report.run_id}")


_MOST_DOUBTS: Final = 5


def _print_doubts(root: Path) -> None:
    """Print what was delivered and is probably not meant, the most money first."""
    from triptych.core.doubtful_inputs import read_doubtful_inputs
    from triptych.core.warehouse.gate import open_published

    doubts = read_doubtful_inputs(open_published(root))
    for doubt in doubts[:_MOST_DOUBTS]:
        print(f"warning: {doubt.what}")
    if len(doubts) > _MOST_DOUBTS:
        more = len(doubts) - _MOST_DOUBTS
        print(f'warning: {more:,} more in doubt: "triptych health" has them.')


def _print_ai_cost(root: Path) -> None:
    """Print total AI cost, as page Summary has it, and where to look."""
    from triptych.core.measures.answer import table
    from triptych.core.measures.query import query
    from triptych.core.warehouse.gate import open_published

    snapshot = open_published(root)
    costs = table(
        snapshot,
        query(
            *("ai_cost", "unallocated_cost_ratio"),
            by=("currency",),
            where={"is_ai_cost": True},
            order="ai_cost DESC, currency",
        ),
    ).to_pylist()
    parts = table(
        snapshot, query("ai_cost", by=("currency", "billing_month", "component"))
    ).to_pylist()
    sentences = [
        ai_cost(cost, [part for part in parts if part["currency"] == cost["currency"]])
        for cost in costs
    ]
    if sentences:
        print(*sentences, "See: triptych dashboard")


def ai_cost(cost: dict[str, Any], parts: list[dict[str, Any]]) -> str:
    """Return AI cost in a currency as text; rounding left of a bill is no cost.

    Parameters
    ----------
    cost : dict
        Measures of all months.
    parts : list of dict
        Months and components that there are.
    """
    all_months = [part["billing_month"] for part in parts]
    months = " to ".join(sorted({min(all_months), max(all_months)}))
    amount = round(cost["ai_cost"], 2)
    if not amount and all(part["component"] == "remainder" for part in parts):
        return f"{months}: no charge is AI cost yet."
    ratio = cost["unallocated_cost_ratio"] or 0
    unallocated = f", {ratio:.1%} unallocated" if cost["ai_cost"] > 0 else ""
    return f"{months}: {cost['currency']} {amount or 0:,.2f} AI cost{unallocated}."


def _print_studies(report: BuildReport) -> None:
    """Print the number of answered studies, and the studies without an answer."""
    statuses = report.studies.statuses
    if statuses:
        counts = Counter(statuses.values()).items()
        told = ", ".join(f"{count:,} {status}" for status, count in sorted(counts))
        print(f"studies: {told}; {len(report.studies.fitted):,} of them anew")
    for study_id, status in statuses.items():
        if status == "failed":
            print(f'warning: study {study_id} failed: see "triptych attribute"')
        if status == "refused":
            step = f'"triptych study report {study_id}" says why.'
            print(f"warning: study {study_id} has no answer: {step}")


def _print_overlaps(root: Path) -> None:
    """Print possible double counts, the most money first."""
    from triptych.core.warehouse.coverage_overlaps import read_open_overlaps
    from triptych.core.warehouse.gate import open_published

    for overlap in read_open_overlaps(open_published(root)):
        print(f"warning: {overlap}")


def _counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _window(start: datetime | None, end: datetime | None) -> Window:
    from ingest.connector import Window

    if start is not None and end is not None and end <= start:
        raise UsageError(
            f"--to {end:%Y-%m-%d} is not after --from {start:%Y-%m-%d}.",
            next_step="--to is the first day that is no more included.",
        )
    return Window(start and start.date(), end and end.date())


own_models = typer.Typer(
    no_args_is_help=True,
    help="Models of your own over the public marts: how they ended, and by hand.",
)


@own_models.command("list")
def list_(
    *,
    as_json: JsonOption = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """List models and tests of the published run, and how each ended."""
    from triptych.core.marts.own_outcomes import read_ended
    from triptych.core.warehouse.gate import open_published

    opened = open_workspace(workspace, is_verbose=verbose)
    ended = read_ended(open_published(opened.workspace.root))
    if as_json:
        print_json(ended)
        return
    print_table(
        ("name", "kind", "ended", "why"),
        [(each.name, each.kind, each.status, each.message) for each in ended],
    )


@own_models.command()
def project(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Folder for the project of dbt.")
    ],
    *,
    with_metrics: Annotated[
        bool,
        typer.Option("--with-metrics", help="With the measures of the marts, for mf."),
    ] = False,
    workspace: WorkspaceOption = None,
    verbose: VerboseOption = False,
) -> None:
    """Write a dbt project over the published run, for dbt build and dbt docs."""
    from triptych.core.marts.own_project import write_project
    from triptych.core.warehouse.gate import open_published

    opened = open_workspace(workspace, is_verbose=verbose)
    name = opened.settings.own_models.folder
    if name is None and not with_metrics:
        raise UsageError(
            "This workspace has no models of its own.",
            where="own_models",
            next_step="Name a folder as own_models.folder in triptych.yml, or add"
            " --with-metrics.",
        )
    snapshot = open_published(opened.workspace.root)
    folder = directory.resolve()
    if name is not None and folder.is_relative_to(opened.workspace.root / name):
        raise UsageError(
            "The project would be among the models.",
            where=str(folder),
            next_step="Name a folder outside of it.",
        )
    write_project(
        folder, _marts(snapshot), published=snapshot.path, with_metrics=with_metrics
    )
    link = folder / "models"
    if name is not None and not link.is_symlink():
        link.rmdir()
        link.symlink_to(opened.workspace.root / name)
    print(f"A dbt project over run {snapshot.run_id} is in {folder}")
    print(f'then: cd "{folder}" && dbt build --profiles-dir .')


def _marts(snapshot: Snapshot) -> list[tuple[str, str, str, dict[str, str]]]:
    from triptych.core.explanation.documentation import read_columns

    found: dict[str, tuple[str, dict[str, str]]] = {}
    for column in read_columns(snapshot):
        if not column.mart.startswith("own."):
            _, columns = found.setdefault(column.mart, (column.mart_description, {}))
            columns[column.column] = column.description
    marts = []
    for name, (description, columns) in found.items():
        schema, _, mart = name.partition(".")
        marts.append((schema, mart, description, columns))
    return marts
