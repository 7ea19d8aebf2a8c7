"""``ingest``, ``build`` and ``run``."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

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
from triptych.cli.printing import print_json

if TYPE_CHECKING:
    from ingest.connector import Window
    from ingest.runner import IngestReport
    from triptych.pipeline import BuildReport

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
    typer.Option("--to", formats=["%Y-%m-%d"], help="First day no more included."),
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
    """Pull what is new from the sources; nothing new commits nothing."""
    from triptych import pipeline
    from triptych.after_run import reported

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
    """Build, test and publish the marts from what has been ingested."""
    from triptych import pipeline
    from triptych.after_run import reported

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
    from triptych import pipeline
    from triptych.after_run import reported

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
        report.ingest.raise_first_failure()


def print_ingest(report: IngestReport) -> None:
    """Say what each source brought."""
    loads = Counter(load.source for load in report.committed)
    for source, count in loads.items():
        mine = [load for load in report.committed if load.source == source]
        rows = sum(load.row_count for load in mine)
        refused = sum(load.quarantined_row_count for load in mine)
        quarantine = f", {refused:,} in quarantine" if refused else ""
        print(f"{source}: {_counted(count, 'new load')}, {rows:,} rows{quarantine}")
    if report.skipped_count:
        print(f"{_counted(report.skipped_count, 'delivery', 'deliveries')} unchanged")
    if not report.committed and not report.skipped_count:
        print("No source offered anything.")
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
        "studies": report.studies.statuses,
    }


def _print_build(report: BuildReport) -> None:
    for node in report.transform.warnings:
        print(f"warning: {node.name}: {_counted(node.failure_count, 'row')}")
    _print_studies(report)
    if report.is_unchanged:
        published = report.published_path.stem
        print(f"Nothing has changed since run {published}, which stays published.")
    else:
        print(f"Published run {report.run_id}")


def _print_studies(report: BuildReport) -> None:
    """Say how many studies have an answer, and which of them failed."""
    statuses = report.studies.statuses
    if statuses:
        counts = Counter(statuses.values()).items()
        told = ", ".join(f"{count:,} {status}" for status, count in sorted(counts))
        print(f"studies: {told}; {len(report.studies.fitted):,} of them anew")
    for study_id, status in statuses.items():
        if status == "failed":
            print(f'warning: study {study_id} failed: see "triptych attribute"')


def _counted(count: int, noun: str, plural: str = "") -> str:
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def _window(start: datetime | None, end: datetime | None) -> Window:
    from ingest.connector import Window
    from triptych.errors import UsageError

    if start is not None and end is not None and end <= start:
        raise UsageError(
            f"--to {end:%Y-%m-%d} is not after --from {start:%Y-%m-%d}.",
            next_step="--to is the first day that is no more included.",
        )
    return Window(start and start.date(), end and end.date())


__all__ = ["build", "ingest", "ingest_record", "print_ingest", "run"]
