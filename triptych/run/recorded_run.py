"""A run of a workspace: its steps, and the record of its outcome."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from attribution.studies.register import StudyRegister
from attribution.studies.request import StudyReport, StudyRequest
from ingest.engine.in_place import verify_in_place
from ingest.engine.lake import open_catalogue, places_of
from ingest.engine.registry import bind_sources
from ingest.engine.runner import EngineLimits, IngestReport, IngestRunner
from ingest.engine.unknown_loads import refuse_unknown
from triptych.core.control.named_columns import delivered_columns
from triptych.core.control.rules import rule_sets
from triptych.core.control.tables import control_tables, inputs_hash
from triptych.core.control.unknown_columns import unknown_columns
from triptych.core.dbt.commands import (
    TransformOutcome,
    installed_figures,
)
from triptych.core.errors import SettingsError, unknown_source
from triptych.core.marts.build import EngineSettings, MartBuild
from triptych.core.marts.fingerprint import build_fingerprint
from triptych.core.marts.own_folder import digest_of_folder
from triptych.core.run_record import read_warnings, retire_records
from triptych.core.warehouse.inspection import read_current_loads, read_newest_load_at
from triptych.core.warehouse.locks import read_history, verify_locked_loads
from triptych.core.warehouse.publish import publish
from triptych.core.warehouse.reader import published_fingerprint
from triptych.core.warehouse.undecided_sources import read_undecided
from triptych.evidence.kept_files import in_short
from triptych.evidence.scrubbing import check_some
from triptych.run.build_report import BuildReport
from triptych.run.empty_build import start_from_empty_build
from triptych.run.publication import (
    adding_own_models,
    beginning_publication,
    leave_files_for_bi,
    own_folder,
)
from triptych.run.record import RunRecord
from triptych.run.study_journal import conclude_studies, open_register
from triptych.run.study_tables import (
    declared_of,
    studies_hash_content,
    studies_of,
    study_tables,
)
from triptych.run.upgrading import upgrade

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from contextlib import AbstractContextManager
    from pathlib import Path

    from ingest.connector import Connector, Window
    from ingest.engine.report import CommittedLoad
    from triptych.core.marts.build import WhenBuilt
    from triptych.core.progress import Progress, Task
    from triptych.core.settings import Settings
    from triptych.core.warehouse.locks import PeriodHistory
    from triptych.core.workspace import Workspace
    from triptych.run.second_half import SecondHalf


class Run:
    """A run: its id, its folder, and the record of its outcome.

    The creator holds the run lock of the workspace.
    """

    def __init__(
        self, workspace: Workspace, settings: Settings, progress: Progress
    ) -> None:
        self._workspace = workspace
        self._settings = settings
        self._progress = progress
        upgraded = upgrade(workspace)
        #: Location of the evidence of this workspace.
        self.places = places_of(workspace)
        # Before the run is on record, as settings are.
        self._plan_files = studies_of(workspace)
        self._declare_studies()
        self._committed: Sequence[CommittedLoad] = ()
        self._evidence: tuple[str, ...] = ()
        self._record = RunRecord(workspace, progress)
        published = {path.stem for path in workspace.published_dir.glob("*.duckdb")}
        keep_count = settings.warehouse.keep_records
        retire_records(workspace.runs_dir, keep_count, published)
        if upgraded is not None:
            self._record.note(
                "upgraded",
                from_format=upgraded.from_format,
                backup=str(upgraded.backup),
            )
        workspace.close_to_others()
        self.run_id = self._record.run_id

    def _declare_studies(self) -> None:
        declared = declared_of(self._workspace, self._plan_files)
        self._plans = [one.plan for one in declared]
        self._studies = studies_hash_content(declared)

    def ingest(self, sources: Sequence[str], window: Window) -> IngestReport:
        """Pull new data."""
        with self.recorded("ingesting"):
            connectors = bound_connectors(self._workspace, self._settings, sources)
            report = self.runner().run(connectors, window)
        self._committed = report.committed
        self._record.note(
            "ingested",
            committed_load_count=len(report.committed),
            skipped_delivery_count=report.skipped_count,
            quarantined_row_count=report.quarantined_row_count,
            failures=[str(failure.error) for failure in report.failures],
            notes=report.notes,
        )
        return report

    def runner(self) -> IngestRunner:
        """Return the runner that commits evidence for this run."""
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
        """Build, test and publish changes, with estimates of all or some studies.

        Parameters
        ----------
        studies : collection of str
            Names of the studies that may be estimated now; all when empty.
        seed : int, optional
            In place of the setting's.
        full : bool
            Build everything again, regardless of kept results.
        """
        with self.recorded("building"):
            self._verify_lake()
            self._verify_in_place()
            history = read_history(self._workspace)
            verify_locked_loads(self._workspace, history)
            if open_register(self._workspace).catch_up():
                self._declare_studies()
            request = self._study_request(studies, seed)
            marts = self._mart_build(history)
            fingerprint = self._fingerprint(marts, request)
            published = published_fingerprint(self._workspace.root)
            if not full and published is not None and published.value == fingerprint:
                leave_files_for_bi(self._workspace, self._settings, published.path)
                return self._unchanged(published.path)
            if full:
                marts.forget()
            elif self._settings.warehouse.engine != "spark":
                marts.is_first = start_from_empty_build(self._workspace, marts.engine)
            # A full build copies nothing from the results of an earlier build.
            before = None if full or published is None else published.path
            report = self._build_and_publish(
                marts, request, history, fingerprint, before
            )
            leave_files_for_bi(self._workspace, self._settings, report.published_path)
            if self._studies:
                conclude_studies(self._workspace)
        self._record.note(
            "published",
            warnings=[node.name for node in report.transform.warnings],
            rebuilt_count=len(marts.rebuilt),
            evidence=self._evidence,
        )
        return report

    def _build_and_publish(
        self,
        marts: MartBuild,
        request: StudyRequest,
        history: PeriodHistory,
        fingerprint: str,
        before: Path | None,
    ) -> BuildReport:
        # Without new data nothing is estimated, and no estimator is loaded.
        from triptych.run import statistics_ahead as statistics  # noqa: PLC0415

        with statistics.statistics_ahead() as ahead, marts.held_open():
            with self._progress.task("build") as task:
                statistics.start_where_some_differ(ahead, marts, self._committed)
                outcome = self._first_half(
                    marts, task, statistics.beginning_with(ahead, request)
                )
            # The data read is the data catalogued only if it still is.
            self._verify_in_place()
            from triptych.run.second_half import build_from_estimates  # noqa: PLC0415

            joined = build_from_estimates(
                self._workspace,
                marts=marts,
                studies=request,
                progress=self._progress,
                ahead=ahead,
                while_estimating=beginning_publication(
                    self._workspace, marts, self.run_id, before
                ),
            )
        marts.write_report(self._record.folder)
        path = self._publish(marts, history, joined, fingerprint)
        nodes = (*outcome.nodes, *joined.transform.nodes)
        return BuildReport(
            self.run_id,
            path,
            TransformOutcome(nodes),
            joined.studies,
            evidence=self._evidence,
        )

    def _publish(
        self,
        marts: MartBuild,
        history: PeriodHistory,
        joined: SecondHalf,
        fingerprint: str,
    ) -> Path:
        """Publish the built marts and return the path of the published database."""
        with self._progress.task("publish"):
            return publish(
                build_database=self._workspace.build_database,
                raw_database=self._workspace.raw_database,
                published_dir=self._workspace.published_dir,
                pointer=self._workspace.pointer,
                run_id=self.run_id,
                keep_runs=self._settings.warehouse.keep_runs,
                inputs_hash=inputs_of(
                    self._workspace, self._settings, history, self._studies
                ),
                # A study that failed is to be tried again, even if nothing has changed.
                fingerprint="" if has_failed(joined.studies) else fingerprint,
                journal_head=history.head_hash,
                manifest=marts.recipe.manifest,
                add_more=adding_own_models(
                    self._workspace, self._settings, marts, self._progress
                ),
            )

    def _unchanged(self, published: Path) -> BuildReport:
        """Keep the published run, and record that nothing differed."""
        warnings = read_warnings(self._workspace.runs_dir, published.stem)
        self._record.note(
            "unchanged",
            published_run_id=published.stem,
            warnings=warnings,
            evidence=self._evidence,
        )
        nothing = TransformOutcome(())
        studies = StudyReport((), (), {})
        return BuildReport(
            self.run_id,
            published,
            nothing,
            studies,
            is_unchanged=True,
            evidence=self._evidence,
        )

    def _study_request(self, only: Collection[str], seed: int | None) -> StudyRequest:
        configured = self._settings.attribution
        return StudyRequest(
            self._plan_files,
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
            started_at=self._record.started_at,
            newest_load_at=read_newest_load_at(self._workspace.raw_database),
            history=history,
            undecided_sources=self._undecided_sources(),
            unknown_columns=unknown_columns(
                self._workspace.raw_database, self._settings
            ),
        )
        locked = {name for name, _, state, _ in self._studies if state != "EXPLORATORY"}
        tables += study_tables(self._plans, locked=locked)
        engine = EngineSettings(
            warehouse.memory_limit, warehouse.threads or os.cpu_count() or 1
        )
        rules = rule_sets(self._settings, history)
        return MartBuild(self._workspace, engine, rules, tables)

    def _undecided_sources(self) -> list[str]:
        names = [source.name for source in self._settings.sources]
        found = read_undecided(self._workspace.raw_database, names)
        return [each.source for each in found]

    def _fingerprint(self, marts: MartBuild, request: StudyRequest) -> str:
        folder = own_folder(self._workspace, self._settings)
        return build_fingerprint(
            marts.rules,
            marts.tables,
            self._workspace.raw_database,
            others=[
                self._settings.warehouse.engine,
                self._studies,
                sorted(request.only),
                request.seed,
                *([] if folder is None else [digest_of_folder(folder)]),
            ],
        )

    def _first_half(
        self, marts: MartBuild, task: Task, when_built: WhenBuilt
    ) -> TransformOutcome:
        """Build nodes without estimates; another engine may read line items."""
        if self._settings.warehouse.engine != "spark":
            return marts.first_half(task, when_built=when_built)
        # Not a dependency of everybody: pyspark and the JVM are an extra.
        from triptych.run.spark.transform import line_items_on_spark  # noqa: PLC0415

        with line_items_on_spark(
            self._workspace,
            rules=marts.rules,
            spark=self._settings.spark,
            run_dir=self._record.folder,
            task=task,
        ) as sum_line_items:
            return marts.first_half(
                task, sum_elsewhere=sum_line_items, when_built=when_built
            )

    def _verify_lake(self) -> None:
        """Check loads of the catalogue, name its columns, compare some files."""
        # A workspace that has never been ingested has no catalogue yet.
        with open_catalogue(self.places) as catalogue:
            refuse_unknown(
                self.places, catalogue.known_load_ids(), catalogue.loads_at_rest()
            )
            names = delivered_columns(self._settings)
            _refuse_unread(names, self._settings.warehouse.engine)
            catalogue.name_columns(names)
            seconds = self._record.elapsed_seconds
            differences = check_some(self._workspace, catalogue.ask, seconds)
        self._evidence = in_short(differences)

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

    def recorded(self, state: str | None = None) -> AbstractContextManager[None]:
        """Record a step, if it is named, and a failure that happens inside."""
        return self._record.step(state)


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
            raise unknown_source(name, known)
    return [c for c in connectors if not names or c.config.name in names]


def inputs_of(
    workspace: Workspace,
    settings: Settings,
    history: PeriodHistory,
    studies: Sequence[object] | None = None,
) -> str:
    """Return :func:`~triptych.core.control.tables.inputs_hash` as of now.

    Of the studies that a run has read; without them, of those in the files.
    """
    if studies is None:
        studies = studies_hash_content(declared_of(workspace))
    return inputs_hash(
        settings,
        history,
        load_ids=read_current_loads(workspace.raw_database),
        project=installed_figures(),
        studies=studies,
    )


def has_failed(studies: StudyReport) -> bool:
    """Return whether a study ended without an answer and without a refusal."""
    return "failed" in studies.statuses.values()


def _refuse_unread(names: Collection[str], engine: str) -> None:
    """Refuse rules that an engine would not see match.

    Raises
    ------
    SettingsError
        They name delivered columns, and Spark reads those of the streams.
    """
    if names and engine == "spark":
        raise SettingsError(
            f"Rules name columns of bills ({', '.join(sorted(names))}), which the"
            " engine spark does not read.",
            next_step="Build with --engine duckdb, or match on columns of the ledger.",
        )
