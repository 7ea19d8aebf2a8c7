"""The sample company's plans: of the facts of its roll-outs, and of nothing planted."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from attribution.studies.register import StudyRegister
from attribution.studies.study_files import read_plans
from ingest.sample_company.outcomes import observe
from ingest.sample_company.timeline import plan_timeline
from ingest.sample_company.workspace.studies import study_texts, write_studies
from triptych.sample_company import DECLARED_BY, lock_studies

if TYPE_CHECKING:
    from pathlib import Path

    from attribution.causal.plan import Plan

FEATURES = (
    "driver-safety",
    "eta-prediction",
    "invoice-reading",
    "predictive-maintenance",
    "route-optimiser",
    "support-assistant",
)


@pytest.fixture(scope="module", params=[6, 18, 36])
def folder(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Path:
    timeline = plan_timeline(request.param)
    root: Path = tmp_path_factory.mktemp(f"company-{request.param}")
    write_studies(root / "studies", observe(timeline, 3), timeline)
    return root / "studies"


@pytest.fixture(scope="module")
def plans(folder: Path) -> dict[str, Plan]:
    return {plan.id: plan for plan in read_plans(folder)}


def test_there_is_a_valid_plan_for_each_feature(plans: dict[str, Plan]) -> None:
    assert tuple(sorted(plans)) == FEATURES
    assert all(plan.feature == name for name, plan in plans.items())
    assert all(plan.minimum_effect for plan in plans.values())


def test_a_plan_starts_where_the_roll_out_does(plans: dict[str, Plan]) -> None:
    assert len(plans["eta-prediction"].rollout) == 20
    assert len(plans["driver-safety"].rollout) == 16
    assert plans["predictive-maintenance"].treated == ("region-1",)
    for plan in plans.values():
        assert plan.window.start < plan.launch < plan.window.end <= date(2026, 11, 1)


def test_a_launch_that_could_be_mistaken_for_the_optimiser_is_declared(
    plans: dict[str, Plan],
) -> None:
    plan = plans["route-optimiser"]
    declared = {one.name: (one.on, one.column) for one in plan.other_launches}
    assert declared == {
        "price promotion": (plan.launch, "price_index"),
        "app redesign": (plan.launch - timedelta(days=7), "app_redesign_share"),
    }


def test_plans_are_locked_three_weeks_before_their_launch_by_a_role(
    folder: Path, plans: dict[str, Plan], tmp_path: Path
) -> None:
    register = StudyRegister(tmp_path / "register.jsonl")
    lock_studies(read_plans(folder), register)
    entries = register.entries()
    assert {entry.by for entry in entries} == {DECLARED_BY}
    assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)
    assert {register.state_of(plan) for plan in plans.values()} == {"REGISTERED"}
    for entry in entries:
        locked = date.fromisoformat(entry.at[:10])
        assert plans[entry.study_id].launch - locked == timedelta(days=21)


def test_no_plan_knows_what_was_planted() -> None:
    """Another seed has other outcomes and the same plans, but for what lots decide."""
    drawn = {"rollout", "assignment"}
    timeline = plan_timeline(18)
    one, other = (study_texts(observe(timeline, seed), timeline) for seed in (1, 2))
    for name in FEATURES:
        without = [
            {k: v for k, v in yaml.safe_load(texts[name]).items() if k not in drawn}
            for texts in (one, other)
        ]
        assert without[0] == without[1]
    assert one["eta-prediction"] != other["eta-prediction"]
