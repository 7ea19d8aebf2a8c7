"""From declared facts to an estimator: every branch, logged, without any outcome."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from attribution.causal.design_choice import choose_design
from attribution.causal.panel import Panel, panel_of
from attribution.causal.refusal import RefusalError
from tests.attribution.studies_for_tests import START, plan_of

if TYPE_CHECKING:
    from attribution.causal.plan import Plan

DAYS, LAUNCH = 50, 40
STARTED = START + timedelta(days=LAUNCH)


def panel(units: int, **changes: Any) -> tuple[Panel, Plan]:
    rng = np.random.default_rng(units)
    frame = pd.DataFrame(
        {
            "unit": np.repeat([f"u{i}" for i in range(units)], DAYS),
            "date": np.tile(pd.date_range(START, periods=DAYS), units),
            "outcome": rng.normal(50.0, 2.0, units * DAYS),
            "arm": np.repeat(np.arange(units) % 2, DAYS),
        }
    )
    plan = plan_of(DAYS, LAUNCH, **changes)
    return panel_of(frame, plan), plan


def later(day: int) -> date:
    return STARTED + timedelta(days=day)


@pytest.mark.parametrize(
    ("units", "facts", "design"),
    [
        (8, {"assignment": {"column": "arm", "unit": "user"}}, "experiment"),
        (8, {"treated": ("u0", "u1")}, "synthetic_control"),
        (14, {"treated": [f"u{i}" for i in range(6)]}, "staggered_adoption"),
        (8, {"rollout": {"u0": STARTED, "u1": later(4)}}, "staggered_adoption"),
        (2, {"rollout": {"u0": STARTED, "u1": later(4)}}, "staggered_adoption"),
        (8, {"treated": ("u3",)}, "synthetic_control"),
        (1, {}, "counterfactual_series"),
        (2, {"treated": ("u0", "u1")}, "counterfactual_series"),
        (2, {"treated": ("u0",)}, "counterfactual_series"),
        (1, {"other_launches": [{"name": "price", "on": later(2)}]}, "joint_launches"),
        (
            1,
            {"other_launches": [{"name": "price", "on": later(-30)}]},
            "counterfactual_series",
        ),
        (
            1,
            {"drivers": [{"name": "use", "column": "arm", "kind": "ai"}]},
            "adoption_response",
        ),
        (
            8,
            {"treated": ("u3",), "other_launches": [{"name": "new", "on": STARTED}]},
            "synthetic_control",
        ),
    ],
)
def test_the_declared_facts_choose_the_estimator(
    units: int, facts: dict[str, Any], design: str
) -> None:
    found, log = choose_design(*panel(units, **facts))
    assert found == design
    assert log[-1] == f"So the estimator is {design}."
    assert log[-2].endswith("Yes.")
    assert all(entry.endswith("No.") for entry in log[:-2])


def test_a_counted_process_comes_before_everything_else() -> None:
    frame_panel, plan = panel(8, treated=("u0",))
    counted = {"process": {}, "outcome_unit": "minutes"}
    process = type(plan).model_validate(plan.model_dump() | counted)
    found, log = choose_design(frame_panel, process)
    assert found == "automation_savings"
    assert log[0] == "Are minutes of a counted process to be saved? Yes."


def test_outcomes_do_not_change_the_choice() -> None:
    first, plan = panel(8, treated=("u3",))
    moved = first.outcome.copy()
    moved[3, LAUNCH:] += 100.0
    other = Panel(
        first.units,
        first.dates,
        moved,
        first.columns,
        first.first,
        first.launch,
        "another",
    )
    assert choose_design(other, plan) == choose_design(first, plan)


def test_a_named_design_is_taken_at_its_word() -> None:
    found, log = choose_design(*panel(8, treated=("u0", "u1"), design="experiment"))
    assert (found, log) == ("experiment", ("The plan names experiment.",))


def test_units_without_any_treated_one_have_no_design() -> None:
    with pytest.raises(RefusalError) as refused:
        choose_design(*panel(8))
    assert refused.value.refusal.code == "design_not_identified"
    assert refused.value.exit_code == 5
