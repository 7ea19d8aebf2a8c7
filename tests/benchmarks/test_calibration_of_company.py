"""The studies of the sample company find what was planted, over a few seeds.

``make calibration ARGS=company`` asks a hundred.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from attribution import Estimate, estimate
from benchmarks.calibration import main
from benchmarks.calibration_of_company import (
    MONTHS,
    calibrate_company,
    frame_of,
    moved_before_its_launch,
    plans_of,
    planted,
)
from ingest.sample_company.outcomes import Outcomes, observe
from ingest.sample_company.timeline import plan_timeline

if TYPE_CHECKING:
    from pathlib import Path

    from attribution.causal.plan import Plan

TIMELINE = plan_timeline(MONTHS)
#: Of the demonstration.
SEED = 7


@pytest.fixture(scope="module")
def outcomes() -> Outcomes:
    return observe(TIMELINE, SEED)


@pytest.fixture(scope="module")
def plans(outcomes: Outcomes) -> dict[str, Plan]:
    return {plan.id: plan for plan in plans_of(outcomes, TIMELINE)}


@pytest.fixture(scope="module")
def estimates(outcomes: Outcomes, plans: dict[str, Plan]) -> dict[str, Estimate]:
    found: dict[str, Estimate] = {}
    for study, plan in plans.items():
        frame = frame_of(outcomes, TIMELINE, plan)
        answer = estimate(frame, plan, seed=SEED, is_registered=True)
        assert isinstance(answer, Estimate), answer
        found[study] = answer
    return found


def test_every_interval_of_the_demonstration_holds_what_was_planted(
    estimates: dict[str, Estimate], plans: dict[str, Plan], outcomes: Outcomes
) -> None:
    missed = {}
    for study, found in estimates.items():
        low, high = found.effect.interval(0.9)
        truth = planted(found, plans[study], outcomes)
        if not low <= truth <= high:
            missed[study] = (low, truth, high)
    assert missed == {}
    assert len(estimates) == 6


def test_the_route_optimiser_is_not_found_although_parcels_grew_by_6_percent(
    estimates: dict[str, Estimate], outcomes: Outcomes, plans: dict[str, Plan]
) -> None:
    plan = plans["route-optimiser"]
    parcels = frame_of(outcomes, TIMELINE, plan).set_index("date")["outcome"]
    launch = pd.Timestamp(plan.launch)
    month, week = pd.Timedelta(days=28), pd.Timedelta(days=7)
    before = parcels[launch - week - month : launch - week - pd.Timedelta(days=1)]
    after = parcels[launch : launch + month - pd.Timedelta(days=1)]
    assert after.mean() / before.mean() - 1 == pytest.approx(0.06, abs=0.015)
    low, high = estimates["route-optimiser"].average.interval(0.9)
    assert low < 0 < high
    assert high < 0.03 * before.mean()


def test_the_harm_of_the_camera_is_harm(estimates: dict[str, Estimate]) -> None:
    _, high = estimates["driver-safety"].average.interval(0.9)
    assert high < -0.01


def test_what_was_planted_is_worked_out_from_the_outcomes_alone(
    estimates: dict[str, Estimate], plans: dict[str, Plan], outcomes: Outcomes
) -> None:
    """0.71 of the documents at 6.5 minutes each, and 4.2 of 104.2 parts of revenue."""
    found = estimates["invoice-reading"]
    process = outcomes.process
    start = outcomes.starts["invoice-reading"]["company"]
    after = (process.day >= start) & (process.day < start + 30)
    truth = planted(found, plans["invoice-reading"], outcomes)
    assert truth == pytest.approx(-0.71 * 6.5 * process.volume[after].sum(), rel=0.02)
    revenue = estimates["eta-prediction"]
    truth = planted(revenue, plans["eta-prediction"], outcomes)
    assert truth == pytest.approx(revenue.observed.sum() * 0.042 / 1.042)


def test_a_placebo_sees_nothing_from_the_launch_on(
    plans: dict[str, Plan], outcomes: Outcomes
) -> None:
    for plan in plans.values():
        earlier = moved_before_its_launch(plan, TIMELINE)
        length = plan.window.end - plan.launch
        moved = earlier.window.end - earlier.launch
        assert earlier.window.end == plan.launch
        assert abs((moved - length).days) <= 2  # months differ
        frame = frame_of(outcomes, TIMELINE, earlier)
        assert frame["date"].max() < pd.Timestamp(plan.launch)
        assert earlier.minimum_effect == plan.minimum_effect


def row_of(card: dict[str, Any], study: str) -> dict[str, Any]:
    [row] = [row for row in card["rows"] if row["study"] == study]
    return dict(row)


@pytest.mark.full
def test_a_few_companies_are_counted_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["company", "--replications", "3", "--build", str(tmp_path)])
    written = json.loads((tmp_path / "company.json").read_text())
    assert len(written["rows"]) == 6
    assert row_of(written, "support-assistant")["design"] == "experiment"
    assert row_of(written, "route-optimiser")["design"] == "joint_launches"
    for row in written["rows"]:
        assert (row["refused"], row["placebos"]) == (0, 3)
        is_effect = row["study"] != "route-optimiser"
        assert row["found"] == 1.0 or not is_effect
    assert "route-optimiser" in capsys.readouterr().out
    again = calibrate_company(3)
    assert [row["coverage_90"] for row in again["rows"]] == [
        row["coverage_90"] for row in written["rows"]
    ]
