"""What a run does, counted: what noise cannot move must not grow.

The short form of ``make bench``: a workspace of a hundred thousand line items, of a
million in the full layer, is run afresh, with nothing new, with a month restated, and
after each change that the benchmark times.
"""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from attribution.estimates import fitting_processes
from attribution.estimates.fitting_processes import ProcessAhead
from attribution.studies import updating
from benchmarks.bars import ADDED_RULE, OTHER_ASSUMPTION, OTHER_STAGE, RENAMED
from benchmarks.generate import MODEL_COUNT, generate, restate_month
from benchmarks.harness import CHANGES
from benchmarks.workspace import lay_workspace, link_into
from tests.layers import IS_FULL
from triptych.core.dbt import commands as dbt_commands
from triptych.core.lake import catalogue, catalogue_file
from triptych.core.marts import recipe
from triptych.core.marts.build import EngineSettings
from triptych.core.marts.execution import Execution
from triptych.core.marts.months import reads_line_items
from triptych.core.progress import SilentProgress
from triptych.core.settings import load_settings
from triptych.core.warehouse import publish
from triptych.core.workspace import Workspace
from triptych.run import empty_build, pipeline, second_half

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from triptych.core.marts.recipe import Node

ROWS = 1_000_000 if IS_FULL else 100_000
MONTHS, MONTH = 4, "2025-12"
#: Each is forecast, which takes longer than all that is counted here.
MODELS = MODEL_COUNT if IS_FULL else 2
FRESH, UNCHANGED, RESTATED = "fresh", "unchanged", "restated"
ALL_MONTHS = ("all",)


@dataclass(frozen=True)
class Counts:
    """What one run has done.

    Attributes
    ----------
    models, tests : frozenset of str
        Names of what was executed.
    passes : dict of str to tuple of str
        Table that was summed over line items → its months.
    catalogue_openings, dbt_commands : int
        How often the catalogue was opened, and dbt was started.
    copied : frozenset of str
        Names of the marts that were copied whole into the published file.
    is_held_open : bool
        The build database was still open when studies were estimated, after all else.
    processes_started : int
        Pools of processes that load statistics while marts are built.
    built_before_process : int
        Models and tests that were executed before it was started.
    handed_over : dict of str to int
        What these processes were given → how often.
    """

    models: frozenset[str]
    tests: frozenset[str]
    passes: dict[str, tuple[str, ...]]
    catalogue_openings: int
    dbt_commands: int
    copied: frozenset[str] = frozenset()
    is_held_open: bool = False
    processes_started: int = 0
    built_before_process: int = 0
    handed_over: dict[str, int] = field(default_factory=dict)


class _Counter:
    """Counts what one run does, while it does it."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.nodes: list[Node] = []
        self.months: dict[str, tuple[str, ...]] = {}
        self.openings = self.commands = 0
        self._count_nodes(patch)
        self._count_estimating(patch)
        connect, run_dbt = catalogue_file.connect, dbt_commands.run_dbt

        def opened(*args: object, **options: object) -> object:
            self.openings += 1
            return connect(*args, **options)  # type: ignore[arg-type]

        def started(*args: object, **options: object) -> object:
            self.commands += 1
            return run_dbt(*args, **options)  # type: ignore[arg-type]

        copy = publish._copy
        self.copied: set[str] = set()

        def copied(at: object, schema: str, table: str, **places: str) -> None:
            self.copied.add(table)
            copy(at, schema, table, **places)  # type: ignore[arg-type]

        patch.setattr(publish, "_copy", copied)
        patch.setattr(catalogue, "connect", opened)
        patch.setattr(recipe, "run_dbt", started)

    def _count_nodes(self, patch: pytest.MonkeyPatch) -> None:
        build, months = Execution._build, Execution._replace_months

        def built(execution: Execution, node: Node, before: object) -> None:
            self.nodes.append(node)
            build(execution, node, before)  # type: ignore[arg-type]

        def replaced(execution: Execution, node: Node, chosen: list[str]) -> None:
            self.months[node.name] = tuple(chosen)
            months(execution, node, chosen)

        patch.setattr(Execution, "_build", built)
        patch.setattr(Execution, "_replace_months", replaced)

    def _count_estimating(self, patch: pytest.MonkeyPatch) -> None:
        self.is_held_open, self.started, self.built_before = False, 0, 0
        update, pool = updating.update_study_estimates, fitting_processes.pool

        def updated(database: Path, *given: object, **named: object) -> object:
            try:
                duckdb.connect(str(database), config={"threads": 1}).close()
            except duckdb.ConnectionException:
                self.is_held_open = True  # with other settings than these
            return update(database, *given, **named)  # type: ignore[arg-type]

        def started(count: int) -> object:
            self.started += 1
            self.built_before = len(self.nodes)
            return pool(count)

        submitted = ProcessAhead._submitted
        self.handed_over: Counter[str] = Counter()

        def handed(ahead: ProcessAhead, function: Callable[..., Any], job: Any) -> Any:
            self.handed_over[function.__name__] += 1
            return submitted(ahead, function, job)

        patch.setattr(ProcessAhead, "_submitted", handed)
        patch.setattr(second_half, "update_study_estimates", updated)
        patch.setattr(fitting_processes, "pool", started)

    def counts(self) -> Counts:
        """Return what was counted."""
        models = [node for node in self.nodes if not node.is_test]
        return Counts(
            frozenset(node.name for node in models),
            frozenset(node.name for node in self.nodes if node.is_test),
            {
                node.name: self.months.get(node.name, ALL_MONTHS)
                for node in models
                if not node.is_view and reads_line_items(node)
            },
            self.openings,
            self.commands,
            frozenset(self.copied),
            self.is_held_open,
            self.started,
            self.built_before,
            dict(self.handed_over),
        )


def _counted(workspace: Path) -> Counts:
    with pytest.MonkeyPatch.context() as patch:
        counter = _Counter(patch)
        settings = load_settings(workspace)
        pipeline.run(Workspace(workspace), settings, progress=SilentProgress())
        return counter.counts()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Counts]:
    folder = tmp_path_factory.mktemp("counted")
    generate(
        folder / "data",
        rows=ROWS,
        seed=7,
        month_count=MONTHS,
        model_count=MODELS,
    )
    workspace = lay_workspace(folder / "data", folder / "workspace")
    # Made once in an installation, and not by each workspace.
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(empty_build, "cache_folder", lambda: folder / "cache")
        empty_build.start_from_empty_build(
            Workspace(folder / "first"), EngineSettings("1GB", 2)
        )
        return _counted_changes(folder, workspace)


def _counted_changes(folder: Path, workspace: Path) -> dict[str, Counts]:
    counts = {FRESH: _counted(workspace), UNCHANGED: _counted(workspace)}
    restate_month(folder / "data", month=MONTH, target=folder / f"{MONTH}.parquet")
    link_into(folder / f"{MONTH}.parquet", workspace / "bills")
    changes: dict[str, Callable[[Path], None]] = {RESTATED: lambda _: None, **CHANGES}
    for name, change in changes.items():
        change(workspace)
        counts[name] = _counted(workspace)
    return counts


def test_with_nothing_new_no_node_runs_and_dbt_is_not_started(
    runs: dict[str, Counts],
) -> None:
    assert runs[UNCHANGED] == Counts(frozenset(), frozenset(), {}, 3, 0)


def test_line_items_are_read_four_times_in_a_fresh_run(
    runs: dict[str, Counts],
) -> None:
    summed = {"int_charges_summed", "int_charges_by_invoice", "int_charges_by_sku"}
    # Without loads of one time or settled loads, these cost no pass.
    empty = {"int_charges_repeated", "int_charges_withdrawn"}
    assert runs[FRESH].passes.keys() == {*summed, "int_coverage_days", *empty}
    assert runs[FRESH].catalogue_openings <= 5


def test_a_restated_month_is_the_only_one_whose_line_items_are_read(
    runs: dict[str, Counts],
) -> None:
    restated, fresh = runs[RESTATED], runs[FRESH]
    assert restated.passes == {
        "int_charges_summed": (MONTH,),
        "int_charges_by_invoice": (MONTH,),
        "int_charges_by_sku": (MONTH,),
        "int_coverage_days": (MONTH,),
        "int_charges_repeated": (MONTH,),
        "int_charges_withdrawn": (MONTH,),
    }
    # One of each is of a former name that goes with the next release.
    assert "mart_cost_landings" in restated.models
    assert len(restated.models) <= 92 < len(fresh.models)
    assert len(restated.tests) <= 54 < len(fresh.tests)


def test_a_restated_bill_moves_neither_weights_of_meters_nor_names_of_models(
    runs: dict[str, Counts],
) -> None:
    stand = {"int_pool_weights", "int_pool_weights_by_kind", "int_model_versions"}
    assert stand <= runs[FRESH].models
    assert not stand & runs[RESTATED].models


def test_the_build_database_is_open_from_the_first_mart_to_the_last_estimate(
    runs: dict[str, Counts],
) -> None:
    # Closing it writes all that was built to its file: a second and more of 10 M lines.
    assert all(counts.is_held_open for name, counts in runs.items() if counts.models)


@pytest.mark.skipif(os.cpu_count() == 1, reason="there is no other core to load on")
def test_statistics_are_loaded_while_marts_are_built_of_many_line_items_alone(
    runs: dict[str, Counts],
) -> None:
    started = {name for name, counts in runs.items() if counts.processes_started}
    assert started == {FRESH, RESTATED, ADDED_RULE}
    assert all(counts.processes_started <= 1 for counts in runs.values())
    # While all line items are read the engine has all memory; of a month it needs less.
    assert runs[RESTATED].built_before_process == 0 < runs[FRESH].built_before_process
    # Begun while marts are built and asked for afterwards, but computed once: every
    # model, what belongs to none, and the total.
    assert runs[FRESH].handed_over["forecast_series"] == MODELS + 2
    # They are judged together, up to 128 of them.
    groups = 2 if IS_FULL else 1
    assert runs[RESTATED].handed_over["_judge"] == groups
    assert runs[FRESH].handed_over["_judge"] == groups


def test_of_a_restated_month_long_marts_are_not_copied_again(
    runs: dict[str, Counts],
) -> None:
    by_month = {"mart_focus_allocated", "fct_daily_model_costs"}
    assert by_month <= runs[FRESH].copied
    assert not by_month & runs[RESTATED].copied
    assert len(runs[RESTATED].copied) <= 60 < len(runs[FRESH].copied)


@pytest.mark.parametrize("name", [RENAMED, OTHER_ASSUMPTION])
def test_a_name_or_an_assumption_moves_five_models_and_reads_no_line_item(
    runs: dict[str, Counts], name: str
) -> None:
    assert runs[name].passes == {}
    assert len(runs[name].models) <= 5
    assert runs[name].dbt_commands == 0


def test_a_rule_that_is_added_reads_line_items_twice_and_starts_no_dbt(
    runs: dict[str, Counts],
) -> None:
    changed = runs[ADDED_RULE]
    assert changed.passes == {
        "int_charges_summed": ALL_MONTHS,
        "int_charges_by_sku": ALL_MONTHS,
    }
    assert changed.dbt_commands == 0
    assert len(changed.models) <= 75


def test_what_a_rule_says_of_its_charges_reads_no_line_item(
    runs: dict[str, Counts],
) -> None:
    changed = runs[OTHER_STAGE]
    assert changed.passes == {}
    assert changed.dbt_commands == 0
    assert len(changed.models) <= 64
