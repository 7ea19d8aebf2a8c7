"""The notebooks of the gallery run from the first cell to the last."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e.conftest import _build_sample_company
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from tests.conftest import BuiltWorkspaces

pytestmark = pytest.mark.full
NOTEBOOKS = Path(__file__).resolve().parents[2] / "docs" / "notebooks"
NAMES = ("bill_to_cost_per_model", "plan_to_effect_to_return", "scenario")


@pytest.fixture(scope="module")
def workspace(
    built_workspaces: BuiltWorkspaces, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return a sample company of its own: a notebook saves results of scenarios."""
    target = tmp_path_factory.mktemp("notebooks") / "nordhafen"
    return built_workspaces.copy("sample_company", _build_sample_company, target)


def cells_of(name: str) -> list[str]:
    content = json.loads((NOTEBOOKS / f"{name}.ipynb").read_text("utf-8"))
    assert not any(cell.get("outputs") for cell in content["cells"])
    return [
        "".join(cell["source"])
        for cell in content["cells"]
        if cell["cell_type"] == "code"
    ]


def executed(name: str) -> dict[str, Any]:
    """Execute the cells of a notebook in their order; return its variables."""
    variables: dict[str, Any] = {}
    for number, cell in enumerate(cells_of(name), 1):
        exec(compile(cell, f"{name}.ipynb, cell {number}", "exec"), variables)  # noqa: S102
    return variables


def test_these_are_the_notebooks() -> None:
    assert {path.stem for path in NOTEBOOKS.glob("*.ipynb")} == set(NAMES)


def test_a_notebook_states_the_cost_per_model_that_is_published(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_WORKSPACE", str(workspace))
    per_model = executed("bill_to_cost_per_model")["per_model"]
    [row] = (
        PublishedReader(workspace)
        .snapshot()
        .query(
            "SELECT sum(fully_loaded_cost) AS cost FROM cost.mart_model_unit_costs"
            " WHERE model_id IS NOT NULL"
        )
        .to_pylist()
    )
    assert per_model["fully_loaded_cost"].sum() == pytest.approx(float(row["cost"]))


def test_a_notebook_finds_the_effect_that_it_planted() -> None:
    """Six minutes per depot and day, on the days with the feature."""
    variables = executed("plan_to_effect_to_return")
    result = variables["result"]
    days = 8 * 84 + 6 * 56
    ends = result.conf_int(0.95).loc["total"]
    assert ends["lower"] < -6.0 * days < ends["upper"]
    net = variables["net_value"]
    assert net["90 % interval, lower"] < net["net value [EUR]"]
    assert net["net value [EUR]"] < net["90 % interval, upper"]


def test_a_notebook_runs_every_scenario_and_the_same_again(
    workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TRIPTYCH_WORKSPACE", str(workspace))
    variables = executed("scenario")
    assert len(variables["results"]) == len(variables["files"]) > 0
    assert variables["again"] == variables["results"][0]
    assert len(variables["saved"]) >= len(variables["files"])
