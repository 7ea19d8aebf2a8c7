"""Second half of a build: estimate from the marts, join the estimates.

The public marts of the first half, whichever engine made them, stand in the build
database. Statistics read them there, and the few marts that join their results are
built on the embedded engine. Nothing is done again while nothing it starts from has
changed.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from attribution.costs.anomalies.line_items import Evidence
from attribution.costs.estimates import update_cost_estimates
from attribution.costs.platform_elasticities import update_platform_elasticities
from attribution.delivery.times import update_delivery_times
from attribution.roi.return_estimates import update_returns
from attribution.studies.updating import update_study_estimates

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.costs.estimates import EstimateReport
    from attribution.estimates.fitting_processes import ProcessAhead
    from attribution.studies.request import StudyReport, StudyRequest
    from triptych.core.dbt.commands import TransformOutcome
    from triptych.core.marts.build import MartBuild
    from triptych.core.progress import Progress
    from triptych.core.workspace import Workspace


@dataclass(frozen=True, slots=True)
class SecondHalf:
    """Result of the second half."""

    estimates: EstimateReport
    studies: StudyReport
    transform: TransformOutcome


def build_from_estimates(
    workspace: Workspace,
    *,
    marts: MartBuild,
    studies: StudyRequest,
    progress: Progress,
    ahead: ProcessAhead | None = None,
    while_estimating: Callable[[], None] = lambda: None,
) -> SecondHalf:
    """Estimate, and build and test the marts that join the estimates.

    Parameters
    ----------
    workspace : Workspace
        Its build database holds the public marts of the first half.
    marts : MartBuild
        The build, after its first half.
    studies : StudyRequest
        Studies to estimate.
    progress : Progress
        Receiver of progress.
    ahead : ProcessAhead, optional
        A process that was started while the marts were built.
    while_estimating : callable
        Called in another thread; it may read the results of the first half.

    Raises
    ------
    TransformError
        A model or a test failed; the published run stays.
    """
    database = workspace.build_database
    evidence = Evidence(
        workspace.raw_database, workspace.root, marts.engine.memory_limit
    )
    with ThreadPoolExecutor(1) as thread:
        other_work = thread.submit(while_estimating)
        with progress.task("estimate") as task:
            report = update_cost_estimates(
                database, evidence, daily_costs=marts.daily_costs, ahead=ahead
            )
            update_delivery_times(database)
            update_platform_elasticities(database, ahead=ahead)
            task.note(
                "estimates as before"
                if report.is_unchanged
                else f"{report.series_count} series forecast,"
                f" {report.anomaly_count} anomalies"
            )
        # Only tables of the first half are copied: studies write their results.
        other_work.result()
    studied = update_study_estimates(database, studies, progress, ahead=ahead)
    update_returns(database)
    with progress.task("join estimates") as task:
        outcome = marts.second_half(task)
    return SecondHalf(report, studied, outcome)
