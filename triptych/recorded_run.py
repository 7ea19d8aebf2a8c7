"""One run of a workspace: what it does, and the record of how it went."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING

from attribution.studies.register import StudyRegister
from attribution.study_request import StudyReport, StudyRequest
from ingest.in_place import verify_in_place
from ingest.lake import open_catalogue, places_of
from ingest.registry import bind_sources
from ingest.runner import EngineLimits, IngestReport, IngestRunner
from ingest.unknown_loads import refuse_unknown
from triptych.control import control_tables, inputs_hash, rule_sets
from triptych.control_of_studies import (
    studies_hash_content,
    studies_of,
    study_tables,
)
from triptych.dbt_commands import (
    TransformOutcome,
    dbt_project_dir,
    project_fingerprint,
)
from triptych.errors import TransformError, TriptychError, UsageError
from triptych.marts.build import EngineSettings, MartBuild
from triptych.marts.fingerprint import build_fingerprint
from triptych.progress import FollowsRuns
from triptych.run_record import read_warnings
from triptych.warehouse.inspection import read_current_loads, read_newest_load_at
from triptych.warehouse.locks import read_history, verify_locked_loads
from triptych.warehouse.publish import begin_publication, publish
from triptych.warehouse.reader import published_fingerprint

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from ingest.connector import Connector, Window
    from triptych.progress import Progress, Task
    from triptych.settings import Settings
    from triptych.warehouse.locks import PeriodHistory
    from triptych.workspace import Workspace


@dataclass(frozen=True, slots=True)
class BuildReport:
    """What a build did.

    Attributes
    ----------
    run_id : str
        The run.
    published_path : Path
        What readers see from now on.
    transform : TransformOutcome
        Models and tests that were executed, and tests that held before.
    studies : StudyReport
        What was done about the studies.
    is_unchanged : bool
        Nothing that a figure is made of differed: what was published stands.
    """

    run_id: str
    published_path: Path
    transform: TransformOutcome
    studies: StudyReport
    is_unchanged: bool = False


class Run:
    """One run: its id, its folder, and the record of how it went.

    Whoever makes one holds the run lock of the workspace.
    """

    def __init__(
        self, workspace: Workspace, settings: Settings, progress: Progress
    ) -> None:
        self._workspace = workspace
        self._settings = settings
        self._progress = progress
        #: Where the evidence of this workspace rests.
        self.places = places_of(workspace)
        # Before the run is on record, as settings are.
        self._plans = studies_of(workspace)
        self._studies = studies_hash_content(workspace, self._plans)
        self._started_at = datetime.now(UTC)
        stamp = self._started_at.strftime("%Y%m%dT%H%M%S%fZ")
        self.run_id = f"{stamp}-{secrets.token_hex(2)}"
        self._folder = workspace.runs_dir / self.run_id
        self._folder.mkdir(parents=True)
        workspace.close_to_others()
        if isinstance(progress, FollowsRuns):
            progress.begin_run(self.run_id)
        self._record: dict[str, object] = {
            "run_id": self.run_id,
            "started_at": self._started_at.isoformat(),
        }

    def ingest(self, sources: Sequence[str], window: Window) -> IngestReport:
        """Pull what is new."""
        with self.recorded("ingesting"):
            connectors = bound_connectors(self._workspace, self._settings, sources)
            report = self.runner().run(connectors, window)
        self._note(
            "ingested",
            committed_load_count=len(report.committed),
            skipped_delivery_count=report.skipped_count,
            quarantined_row_count=report.quarantined_row_count,
            failures=[str(failure.error) for failure in report.failures],
            notes=report.notes,
        )
        return report

    def runner(self) -> IngestRunner:
        """Return what commits evidence for this run."""
        warehouse = self._settings.warehouse
        return IngestRunner(
            self.places,
            run_id=self.run_id,
            limits=EngineLimits(warehouse.memory_limit, warehouse.threads),
            progress=self._progress,
        )

    def build(
        self,
        *,
        studies: Collection[str] = (),
        seed: int | None = None,
        full: bool = False,
    ) -> BuildReport:
        """Build, test and publish what differs, with estimates of all or some studies.

        Parameters
        ----------
        studies : collection of str
            Names of the studies that may be estimated now; all when empty.
        seed : int, optional
            In place of the setting's.
        full : bool
            Build everything again, whatever was kept.
        """
        with self.recorded("building"):
            # A workspace that has never been ingested has no catalogue yet.
            with open_catalogue(self.places) as catalogue:
                refuse_unknown(
                    self.places,
                    catalogue.known_load_ids(),
                    catalogue.loads_at_rest(),
                )
            self._verify_in_place()
            history = read_history(self._workspace)
            verify_locked_loads(self._workspace, history)
            request = self._study_request(studies, seed)
            marts = self._mart_build(history)
            fingerprint = self._fingerprint(marts, request)
            published = published_fingerprint(self._workspace.root)
            if not full and published is not None and published.value == fingerprint:
                return self._unchanged(published.path)
            if full:
                marts.forget()
            report = self._build_and_publish(marts, request, history, fingerprint)
        self._note(
            "published",
            warnings=[node.name for node in report.transform.warnings],
            rebuilt_count=len(marts.rebuilt),
        )
        return report

    def _build_and_publish(
        self,
        marts: MartBuild,
        request: StudyRequest,
        history: PeriodHistory,
        fingerprint: str,
    ) -> BuildReport:
        with self._progress.task("build") as task:
            outcome = self._first_half(marts, task)
        # What was read is what was catalogued only if it still is.
        self._verify_in_place()
        # With nothing new nothing is estimated, nor is loaded what estimates.
        from triptych.second_half import build_from_estimates  # noqa: PLC0415

        joined = build_from_estimates(
            self._workspace,
            marts=marts,
            studies=request,
            progress=self._progress,
            while_estimating=partial(
                begin_publication,
                build_database=self._workspace.build_database,
                published_dir=self._workspace.published_dir,
                run_id=self.run_id,
                later=marts.joined_tables,
            ),
        )
        marts.write_report(self._folder)
        with self._progress.task("publish"):
            path = publish(
                build_database=self._workspace.build_database,
                raw_database=self._workspace.raw_database,
                published_dir=self._workspace.published_dir,
                pointer=self._workspace.pointer,
                run_id=self.run_id,
                keep_runs=self._settings.warehouse.keep_runs,
                inputs_hash=inputs_of(
                    self._workspace, self._settings, history, self._studies
                ),
                # A study that failed is to be tried again, whatever has not changed.
                fingerprint="" if has_failed(joined.studies) else fingerprint,
                manifest=marts.recipe.manifest,
            )
        nodes = (*outcome.nodes, *joined.transform.nodes)
        return BuildReport(self.run_id, path, TransformOutcome(nodes), joined.studies)

    def _unchanged(self, published: Path) -> BuildReport:
        """Keep what is published, and write down that nothing differed."""
        warnings = read_warnings(self._workspace.runs_dir, published.stem)
        self._note("unchanged", published_run_id=published.stem, warnings=warnings)
        nothing = TransformOutcome(())
        studies = StudyReport((), (), {})
        return BuildReport(self.run_id, published, nothing, studies, is_unchanged=True)

    def _study_request(self, only: Collection[str], seed: int | None) -> StudyRequest:
        configured = self._settings.attribution
        return StudyRequest(
            self._plans,
            StudyRegister(self._workspace.study_register),
            only=only,
            seed=configured.seed if seed is None else seed,
            processes=configured.processes,
        )

    def _mart_build(self, history: PeriodHistory) -> MartBuild:
        warehouse = self._settings.warehouse
        tables = control_tables(
            self._settings,
            run_id=self.run_id,
            started_at=self._started_at,
            newest_load_at=read_newest_load_at(self._workspace.raw_database),
            history=history,
        )
        locked = {name for name, _, state in self._studies if state != "EXPLORATORY"}
        tables += study_tables(self._plans, locked=locked)
        engine = EngineSettings(
            warehouse.memory_limit, warehouse.threads or os.cpu_count() or 1
        )
        return MartBuild(self._workspace, engine, rule_sets(self._settings), tables)

    def _fingerprint(self, marts: MartBuild, request: StudyRequest) -> str:
        return build_fingerprint(
            marts.rules,
            marts.tables,
            self._workspace.raw_database,
            others=[
                self._settings.warehouse.engine,
                self._studies,
                sorted(request.only),
                request.seed,
            ],
        )

    def _first_half(self, marts: MartBuild, task: Task) -> TransformOutcome:
        """Build what reads no estimate; another engine may read the line items."""
        if self._settings.warehouse.engine != "spark":
            return marts.first_half(task)
        # Not a dependency of everybody: pyspark and the JVM are an extra.
        from triptych.spark.transform import line_items_on_spark  # noqa: PLC0415

        with line_items_on_spark(
            self._workspace,
            rules=marts.rules,
            spark=self._settings.spark,
            run_dir=self._folder,
            task=task,
        ) as sum_line_items:
            return marts.first_half(task, sum_elsewhere=sum_line_items)

    def _verify_in_place(self) -> None:
        with open_catalogue(self.places) as catalogue:
            files = catalogue.files_in_place()
        if files:
            connectors = bind_sources(self._settings.sources, self._workspace.root)
            verify_in_place(
                files,
                [connector.config for connector in connectors],
                engine=self._settings.warehouse.engine,
            )

    def recorded(self, state: str | None = None) -> _Recorded:
        """Write down a failure that happens inside, whatever it is."""
        if state is not None:
            self._note(state)
        return _Recorded(self)

    def _note(self, state: str, **details: object) -> None:
        self._record |= {
            "state": state,
            "at": datetime.now(UTC).isoformat(),
            **details,
        }
        target = self._folder / "run.json"
        fresh = self._folder / ".run.json.new"
        fresh.write_text(json.dumps(self._record, indent=2), encoding="utf-8")
        fresh.replace(target)
        if isinstance(self._progress, FollowsRuns):
            self._progress.run_state(state, details)


class _Recorded:
    def __init__(self, this: Run) -> None:
        self._run = this

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, _: object) -> None:
        if error is not None:
            expected = isinstance(error, TriptychError)
            text = str(error) if expected else f"{type(error).__name__}: {error}"
            failed = error.failed_nodes if isinstance(error, TransformError) else ()
            self._run._note(  # noqa: SLF001  (its other half)
                "failed", error=text, failed_nodes=list(failed)
            )


def bound_connectors(
    workspace: Workspace, settings: Settings, names: Sequence[str] = ()
) -> list[Connector]:
    """Return the connectors of the named sources, or of all.

    Raises
    ------
    UsageError
        A name is not among the configured sources.
    """
    connectors = bind_sources(settings.sources, workspace.root)
    known = [connector.config.name for connector in connectors]
    for name in names:
        if name not in known:
            raise UsageError(
                f"There is no source {name!r}.",
                next_step=f"Known sources: {', '.join(known) or 'none'}.",
            )
    return [c for c in connectors if not names or c.config.name in names]


def inputs_of(
    workspace: Workspace,
    settings: Settings,
    history: PeriodHistory,
    studies: Sequence[object] | None = None,
) -> str:
    """Return what :func:`triptych.control.inputs_hash` gives for a build made now.

    Of the studies that a run has read; without them, of those in the files.
    """
    if studies is None:
        studies = studies_hash_content(workspace, studies_of(workspace))
    return inputs_hash(
        settings,
        history,
        load_ids=read_current_loads(workspace.raw_database),
        project=project_fingerprint(dbt_project_dir()),
        studies=studies,
    )


def has_failed(studies: StudyReport) -> bool:
    """Return whether a study ended without an answer and without a refusal."""
    return "failed" in studies.statuses.values()


__all__ = ["BuildReport", "Run", "bound_connectors", "inputs_of"]
