"""Builds the marts of a workspace on the embedded engine."""

from __future__ import annotations

import json
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING

import duckdb

from triptych.core.dbt.commands import TransformOutcome
from triptych.core.errors import TransformError
from triptych.core.file_names import literal, search_path
from triptych.core.marts.execution import (
    NOT_BUILT_BEFORE,
    Execution,
    NodeError,
    Rebuilt,
)
from triptych.core.marts.model_names import MODEL_NAMES, parse_model_texts
from triptych.core.marts.recipe import Recipe, read_recipe
from triptych.core.marts.sources import control_digests, source_digests
from triptych.core.marts.states import drop_unknown
from triptych.core.warehouse.build import open_build, write_control_tables
from triptych.core.warehouse.carried_over import ALL

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from triptych.core.marts.digests import Digest
    from triptych.core.marts.recipe import Node
    from triptych.core.progress import Task
    from triptych.core.warehouse.build import ControlTable
    from triptych.core.workspace import Workspace

    SumLineItems = Callable[[Sequence[str]], Mapping[str, Path]]
    WhenBuilt = Callable[[Node, duckdb.DuckDBPyConnection], None]


#: Input of the statistics, in the order in which it is built before all else: so these
#: begin while the rest is built. Line items come first, as they need memory most.
LINE_ITEM_SUMS = ("intermediate", "int_charges_summed")
STUDY_DATA = (
    ("outcomes", "mart_attribution_panel"),
    ("outcomes", "mart_attribution_covariates"),
)
DAILY_COSTS = (("cost", "fct_daily_model_costs"), ("cost", "fct_daily_service_costs"))


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Resource limits of the embedded engine."""

    memory_limit: str
    threads: int


@dataclass(slots=True)
class MartBuild:
    """A build of a workspace's marts, in two halves around the statistics.

    Parameters
    ----------
    workspace : Workspace
        Location of the databases.
    engine : EngineSettings
        Memory and threads.
    rules : mapping of str to sequence
        Rules that models are compiled from.
    tables : sequence of ControlTable
        Settings, catalogue, rules and history for the models.

    Attributes
    ----------
    rebuilt : list of Rebuilt
        Nodes rebuilt so far.
    contents : dict of (str, str) to dict
        Schema and name of each table that was built or found → digest by month.
    is_first : bool
        The workspace had no build of its own, and starts from an empty one.
    """

    workspace: Workspace
    engine: EngineSettings
    rules: Mapping[str, Sequence[Any]]
    tables: Sequence[ControlTable]
    rebuilt: list[Rebuilt] = field(default_factory=list)
    contents: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    is_first: bool = False
    _recipe: Recipe | None = None
    _control: Mapping[str, Digest] = field(default_factory=dict)

    @property
    def recipe(self) -> Recipe:
        """Return the compiled project; dbt is asked only where the cache has none."""
        if self._recipe is None:
            self._recipe = read_recipe(self.rules)
        return self._recipe

    def first_half(
        self,
        task: Task,
        *,
        sum_elsewhere: SumLineItems | None = None,
        when_built: WhenBuilt | None = None,
    ) -> TransformOutcome:
        """Build and test the nodes that read no estimate.

        Parameters
        ----------
        task : Task
            Advanced once per model and test that is executed.
        sum_elsewhere : callable, optional
            Another engine, which reads line items; see :class:`Execution`.
        when_built : callable, optional
            Called with each table that was built again; see :class:`Execution`.

        Raises
        ------
        TransformError
            A model or a test of severity ``error`` failed; the published run stays.
        """
        nodes = [node for node in self.recipe.nodes if not node.is_from_estimates]
        for table in reversed((LINE_ITEM_SUMS, *STUDY_DATA, *DAILY_COSTS)):
            nodes = _first_built(nodes, table)
        return self._execute(
            nodes, task, sum_elsewhere=sum_elsewhere, when_built=when_built
        )

    def second_half(self, task: Task) -> TransformOutcome:
        """Build and test the nodes that join the estimates.

        Raises
        ------
        TransformError
            A model or a test of severity ``error`` failed; the published run stays.
        """
        nodes = [node for node in self.recipe.nodes if node.is_from_estimates]
        return self._execute(nodes, task, late=True)

    @property
    def joined_tables(self) -> set[tuple[str, str]]:
        """Return schema and name of the tables that the second half builds."""
        return {
            (node.schema, node.table)
            for node in self.recipe.nodes
            if node.is_from_estimates and not node.is_test
        }

    @property
    def daily_costs(self) -> list[str]:
        """Return digests of the contents of :data:`DAILY_COSTS`, once built."""
        return [self.contents[table][ALL] for table in DAILY_COSTS]

    def forget(self) -> None:
        """Remove everything that was built, so that all of it is built again."""
        path = self.workspace.build_database
        for file in (path, path.with_name(f"{path.name}.wal")):
            file.unlink(missing_ok=True)

    def write_report(self, folder: Path) -> None:
        """Write the rebuilt nodes and the reasons, for ``triptych status``."""
        rebuilt = self.rebuilt
        if self.is_first:
            rebuilt = [replace(each, because=(NOT_BUILT_BEFORE,)) for each in rebuilt]
        # Not indented: the encoder that does so takes twenty times as long.
        rows = json.dumps([asdict(each) for each in rebuilt])
        (folder / "rebuilt.json").write_text(rows, "utf-8")

    def _execute(
        self,
        nodes: Sequence[Node],
        task: Task,
        *,
        sum_elsewhere: SumLineItems | None = None,
        when_built: WhenBuilt | None = None,
        late: bool = False,
    ) -> TransformOutcome:
        with self._connected() as connection:
            if not late:
                self._control = control_digests(self.tables)
                write_control_tables(connection, [*self.tables, MODEL_NAMES])
                drop_unknown(connection, {node.relation for node in self.recipe.nodes})
            known = {node.unique_id: node for node in self.recipe.nodes}
            execution = Execution(
                connection,
                nodes,
                known,
                source_digests(connection, self.recipe, self._control, estimates=late),
                task,
                sum_elsewhere,
                [parse_model_texts, *([when_built] if when_built else [])],
            )
            try:
                execution.run()
            except NodeError as error:
                raise as_error([*execution.outcomes, error.outcome]) from error
            finally:
                self.rebuilt += execution.rebuilt
        self.contents |= execution.contents()
        outcome = TransformOutcome(tuple(execution.outcomes))
        if outcome.failures:
            raise as_error(outcome.nodes)
        return outcome

    @contextmanager
    def held_open(self) -> Iterator[None]:
        """Keep the build database open while a block runs.

        The last to close it waits until all rows written are in its file: once for both
        halves and the estimates between them, not once for each.
        """
        with self._open():
            yield

    def write_out(self) -> None:
        """Flush built tables to the file now, so that closing it has less to do.

        Readers go on meanwhile. Where something is being written, it is left to that.
        """
        with self._open() as connection, suppress(duckdb.TransactionException):
            connection.execute("CHECKPOINT build")

    def _open(self) -> duckdb.DuckDBPyConnection:
        """Open the build database, as all do that open it in this process."""
        return open_build(self.workspace.build_database)

    @contextmanager
    def _connected(self) -> Iterator[duckdb.DuckDBPyConnection]:
        with self._open() as connection:
            # Not when it is opened: all that have it open would have to know of them.
            for name, value in self._settings().items():
                connection.execute(f"SET GLOBAL {name} = {value}")
            self._spill_beside(connection)
            connection.execute("SET TimeZone = 'UTC'")
            raw = literal(str(self.workspace.raw_database))
            connection.execute(f"ATTACH {raw} AS raw (READ_ONLY)")
            yield connection
            # The catalogue is written by another instance of the engine.
            connection.execute("DETACH raw")
            connection.execute("RESET GLOBAL preserve_insertion_order")

    def _spill_beside(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Have the engine spill into the warehouse; once it has, it refuses to move."""
        spill = str(self.workspace.warehouse_dir / ".spill")
        now = connection.execute("SELECT current_setting('temp_directory')").fetchone()
        if now != (spill,):
            connection.execute(f"SET GLOBAL temp_directory = {literal(spill)}")

    def _settings(self) -> dict[str, str]:
        return {
            "memory_limit": literal(self.engine.memory_limit),
            "threads": str(self.engine.threads),
            "preserve_insertion_order": "false",
            "checkpoint_threshold": "'1GB'",
            # Names of evidence files are relative to the workspace.
            "file_search_path": search_path(self.workspace.root),
        }


def _first_built(nodes: Sequence[Node], table: tuple[str, str]) -> list[Node]:
    """Return nodes reordered to build and test a table's inputs first."""
    made_of = {node.unique_id for node in nodes if (node.schema, node.table) == table}
    for node in reversed(nodes):
        if node.unique_id in made_of:
            made_of.update(node.parents)
    return sorted(
        nodes,
        key=lambda node: (
            not made_of.issuperset(node.parents if node.is_test else [node.unique_id])
        ),
    )


def as_error(nodes: Sequence[Any]) -> TransformError:
    """Return the error that a failed build is raised as, with its first failures."""
    failures = TransformOutcome(tuple(nodes)).failures
    shown = [
        f"{node.name}: {' '.join(node.message.split())[:400]}" for node in failures
    ]
    return TransformError(
        f"{len(failures)} models or tests failed. {' | '.join(shown[:5])}",
        where="build of the marts",
        next_step="What is published stays. See run.json in the run's folder for all.",
        failed_nodes=[node.name for node in failures],
    )
