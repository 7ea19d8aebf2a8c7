"""The order of a run: ingest, build, publish. Single writer, many readers.

Each step leaves a state from which the next run can go on: loads are committed singly,
the build database records the months it holds, and readers see nothing before the
pointer moves. A run that is killed is resumed by running again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from ingest.connector import Window
from ingest.engine.in_place import refuse_out_of_reach
from ingest.engine.lake import open_catalogue
from triptych.core.errors import UsageError
from triptych.core.lock import hold_run_lock
from triptych.core.marts.recipe import read_recipe_ahead
from triptych.run.build_report import BuildReport
from triptych.run.recorded_run import Run, bound_connectors, inputs_of
from triptych.run.study_tables import declared_of

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ingest.engine.runner import IngestReport
    from triptych.core.progress import Progress
    from triptych.core.settings import Settings
    from triptych.core.warehouse.locks import PeriodHistory
    from triptych.core.warehouse.reader import Snapshot
    from triptych.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class RunReport:
    """Result of a whole run."""

    run_id: str
    ingest: IngestReport
    build: BuildReport


def ingest(
    workspace: Workspace,
    settings: Settings,
    *,
    sources: Sequence[str] = (),
    window: Window | None = None,
    progress: Progress,
) -> IngestReport:
    """Pull new data from the sources.

    Parameters
    ----------
    workspace, settings
        Workspace and settings.
    sources : sequence of str
        Names of sources; all when empty.
    window : Window, optional
        Only deliveries of these days, where a source knows days.
    progress : Progress
        Receiver of progress.

    Returns
    -------
    IngestReport
        Its ``failures`` are not raised: deliveries of the other sources count.
    """
    with hold_run_lock(workspace.lock_file):
        bound_connectors(workspace, settings, sources)  # before a run is on record
        run = Run(workspace, settings, progress)
        return run.ingest(sources, window or Window())


def build(
    workspace: Workspace,
    settings: Settings,
    *,
    full: bool = False,
    progress: Progress,
) -> BuildReport:
    """Build, test and publish the marts that differ from the loaded data.

    Parameters
    ----------
    workspace, settings
        Workspace and settings.
    full : bool
        Build everything again, regardless of kept results.
    progress : Progress
        Receiver of progress.

    Raises
    ------
    TransformError
        A model or test failed; the published run stays.
    """
    with hold_run_lock(workspace.lock_file):
        return Run(workspace, settings, progress).build(full=full)


def attribute(
    workspace: Workspace,
    settings: Settings,
    *,
    studies: Collection[str] = (),
    seed: int | None = None,
    progress: Progress,
) -> BuildReport:
    """Estimate studies, and build and publish with their results.

    Parameters
    ----------
    workspace, settings
        Workspace and settings.
    studies : collection of str
        Names of the studies that may be estimated now; all when empty. Existing results
        of the others stay as they are.
    seed : int, optional
        In place of the setting's.
    progress : Progress
        Receiver of progress.

    Raises
    ------
    UsageError
        A study has no plan.
    TransformError
        A model or test failed; the published run stays.
    """
    with hold_run_lock(workspace.lock_file):
        known = [one.plan.id for one in declared_of(workspace)]
        for name in studies:
            if name not in known:
                raise UsageError(
                    f"There is no study {name!r}.",
                    next_step=f"Known studies: {', '.join(known) or 'none'}.",
                )
        return Run(workspace, settings, progress).build(studies=studies, seed=seed)


def run(
    workspace: Workspace,
    settings: Settings,
    *,
    sources: Sequence[str] = (),
    window: Window | None = None,
    keep_going: bool = False,
    progress: Progress,
) -> RunReport:
    """Ingest, build and publish.

    Raises
    ------
    SourceError
        A source failed and ``keep_going`` is false; nothing was published, and the
        deliveries of the other sources are loaded and will be built by the next run.
    TransformError
        A model or test failed; the published run stays.
    """
    with hold_run_lock(workspace.lock_file):
        # Before a run is on record.
        connectors = bound_connectors(workspace, settings, sources)
        configs = [connector.config for connector in connectors]
        refuse_out_of_reach(configs, settings.warehouse.engine)
        read_recipe_ahead()
        this = Run(workspace, settings, progress)
        report = this.ingest(sources, window or Window())
        if not keep_going:
            with this.recorded():
                report.raise_first_failure()
        return RunReport(this.run_id, report, this.build())


def retry_quarantine(
    workspace: Workspace,
    settings: Settings,
    *,
    source: str | None = None,
    progress: Progress,
) -> IngestReport:
    """Read again the loads with quarantined rows, and any other new data.

    Parameters
    ----------
    workspace, settings
        Workspace and settings.
    source : str, optional
        Name of a source; all when ``None``.
    progress : Progress
        Receiver of progress.
    """
    names = () if source is None else (source,)
    with hold_run_lock(workspace.lock_file):
        bound_connectors(workspace, settings, names)
        this = Run(workspace, settings, progress)
        with open_catalogue(this.places) as catalogue:
            catalogue.forget_quarantined_fingerprints(source=source)
        return this.ingest(names, Window())


def refuse_if_outdated(
    workspace: Workspace, settings: Settings, history: PeriodHistory, snapshot: Snapshot
) -> None:
    """Refuse to sign figures that a build made now would not be made from.

    Raises
    ------
    UsageError
        The published run was made from other evidence, settings or rules.
    """
    if snapshot.inputs_hash != inputs_of(workspace, settings, history):
        raise UsageError(
            f"Run {snapshot.run_id}, which is published, was made from other evidence,"
            " settings or rules than there are now.",
            next_step='Run "triptych build", look at the figures, and sign then.',
        )


__all__ = [
    "BuildReport",
    "Run",
    "RunReport",
    "attribute",
    "bound_connectors",
    "build",
    "ingest",
    "inputs_of",
    "refuse_if_outdated",
    "retry_quarantine",
    "run",
]
