"""Saves scenarios of a run that can be checked by hand beside what is published."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.attribution.scenario_cases import result, run_of
from triptych.warehouse.reader import PublishedReader
from triptych.warehouse.scenario_results import ScenarioStore
from triptych.workspace import Workspace

if TYPE_CHECKING:
    from pathlib import Path

    from attribution.scenarios.base_run import BaseRun

CHEAPER = {
    "kind": "price",
    "match": {"feature": "care"},
    "factor": {"value": 0.9, "low": 0.8, "high": 1.05},
}
MOVE = {
    "kind": "platform_move",
    "platform": "cloud",
    "to": "elsewhere",
    "cost_factor": 0.5,
    "migration_cost": 600.0,
    "double_running_months": 2,
}


def save_scenario(
    root: Path, name: str, *changes: dict[str, Any], base: BaseRun | None = None
) -> str:
    """Save a scenario on a run of the id that is published; return its label."""
    run_id = PublishedReader(root).current_path().stem
    found = result(*changes, name=name, base=base or run_of(run_id=run_id))
    store = ScenarioStore(Workspace(root).scenario_results)
    hour = len(store.all())
    store.save(found, by="Head of planning", at=datetime(2026, 3, 1, hour, tzinfo=UTC))
    return f"{name} · {found['scenario_id']}"
