"""What a plan says is used or refused, and random assignment is shown or doubted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from attribution import Estimate, Refusal, estimate
from attribution.causal.plan import Plan
from attribution.causal.unused_options import evident_design, unused_options
from attribution.studies.study_files import read_plan
from tests.attribution.studies_for_tests import plan_of, trial_study
from triptych.core.errors import SettingsError

if TYPE_CHECKING:
    from pathlib import Path


EXPERIMENT = """\
id: pilot
feature: copilot
outcome: tickets
outcome_unit: tickets
launch: 2024-04-30
window: {start: 2024-01-01, end: 2024-05-20}
assignment: {column: arm, unit: team}
anticipation: 3
controls: [visits]
"""


def test_an_option_that_an_experiment_does_not_use_is_refused_with_its_line(
    tmp_path: Path,
) -> None:
    file = tmp_path / "pilot.yml"
    file.write_text(EXPERIMENT)
    with pytest.raises(SettingsError) as refused:
        read_plan(file)
    told = str(refused.value)
    assert "pilot.yml:8: `anticipation` is not used by the design experiment" in told
    assert "pilot.yml:9: `controls` is not used by the design experiment" in told
    assert "counterfactual_series" in told
    file.write_text("\n".join(EXPERIMENT.splitlines()[:7]))
    assert read_plan(file).id == "pilot"


@pytest.mark.parametrize(
    ("design", "option", "value"),
    [
        ("experiment", "slope", True),
        ("staggered_adoption", "slope", True),
        ("synthetic_control", "anticipation", 2),
        ("counterfactual_series", "interference", True),
        ("adoption_response", "unaffected_outcome", "returns"),
        ("joint_launches", "planned_units", 100),
    ],
)
def test_each_design_names_what_it_does_not_use(
    design: str, option: str, value: object
) -> None:
    plan = plan_of(60, 40, design=design)
    assert unused_options(plan, design) == ()
    declared = Plan.model_validate(plan.model_dump() | {option: value})
    assert unused_options(declared, design) == (option,)
    assert evident_design(declared) == design


def test_a_study_with_such_an_option_is_refused_and_a_locked_one_has_a_note() -> None:
    frame, plan = trial_study()
    odd = plan.model_copy(update={"slope": True})
    refused = estimate(frame, odd)
    assert isinstance(refused, Refusal)
    assert refused.code == "options_not_used"
    locked = estimate(frame, odd, is_registered=True)
    assert isinstance(locked, Estimate)
    assert "Declared, and not used by experiment: `slope`." in locked.notes


def test_evidence_that_is_not_given_leaves_the_hash_of_old_plans() -> None:
    """A plan that was locked before there was evidence keeps its hash."""
    _, plan = trial_study()
    assert '"seed"' not in plan.canonical()
    assert '"list_sha256"' not in plan.canonical()
    assert '"units"' not in plan.canonical()
    assert '"platform"' not in plan.canonical()
