"""Run a scenario on a published run, and save its result."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from attribution.roi.worlds import Worlds
from attribution.scenarios.base_run import read_base
from attribution.scenarios.results import result_of
from attribution.scenarios.scenario_file import PUBLISHED
from triptych.core.errors import UsageError
from triptych.core.warehouse.published_file import attach_published
from triptych.core.warehouse.reader import PublishedReader
from triptych.core.warehouse.scenario_results import ScenarioStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    import duckdb

    from attribution.scenarios.scenario_file import Scenario
    from triptych.core.workspace import Workspace

_EFFECTS = ("attribution_studies", "attribution_monthly_draws")
#: Treated units of each study; a run before there was a ledger has none.
_UNITS = "attribution_study_units"


def trial_of(workspace: Workspace, scenario: Scenario) -> dict[str, Any]:
    """Work a scenario out on its base run, and save nothing.

    Raises
    ------
    UsageError
        The base run is not there, or a change is about something that it lacks.
    """
    path = _published_file(workspace, scenario.base)
    with _opened(path, workspace.root) as connection:
        base = read_base(
            connection,
            Worlds(scenario.seed),
            run_rate_months=scenario.run_rate_months,
        )
    return result_of(scenario, base)


def run_scenario(
    workspace: Workspace, scenario: Scenario, *, by: str, at: datetime
) -> dict[str, Any]:
    """Work a scenario out on its base run, and save the result.

    Parameters
    ----------
    workspace : Workspace
        Workspace in which the base run is published and the result is saved.
    scenario : Scenario
        Changes to apply.
    by : str
        Person who runs it.
    at : datetime
        Time of the run.

    Returns
    -------
    dict
        The result as it is saved; the existing result, if it has this id.

    Raises
    ------
    UsageError
        The base run is not there, or a change is about something that it lacks.
    """
    result = trial_of(workspace, scenario)
    return ScenarioStore(workspace.scenario_results).save(result, by=by, at=at)


def _published_file(workspace: Workspace, base: str) -> Path:
    if base == PUBLISHED:
        return PublishedReader(workspace.root).current_path()
    kept = sorted(path.stem for path in workspace.published_dir.glob("[!.]*.duckdb"))
    if base not in kept:
        raise UsageError(
            f"Run {base!r} is not among those that are kept: {', '.join(kept)}.",
            next_step=f"Name one of them as 'base', or {PUBLISHED}.",
        )
    return workspace.published_dir / f"{base}.duckdb"


@contextmanager
def _opened(path: Path, root: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a run so that its marts and its draws have the names of the build."""
    connection = attach_published(path, root)
    try:
        tables = connection.execute(
            "SELECT schema_name, table_name FROM duckdb_tables()"
            " WHERE database_name = 'published' ORDER BY ALL"
        ).fetchall()
        if not {("lineage", table) for table in _EFFECTS} <= set(tables):
            raise UsageError(
                f"Run {path.stem} does not hold the draws of its studies.",
                next_step='"triptych build" publishes one that does.',
            )
        for schema, table in tables:
            is_estimate = table in {*_EFFECTS, _UNITS}
            name = "estimates" if is_estimate else schema
            connection.execute(f'CREATE SCHEMA IF NOT EXISTS memory."{name}"')
            connection.execute(
                f'CREATE VIEW memory."{name}"."{table}" AS'
                f' FROM published."{schema}"."{table}"'
            )
        yield connection
    finally:
        connection.close()
