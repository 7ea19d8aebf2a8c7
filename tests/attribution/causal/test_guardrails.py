"""What must not get worse: told beside the effect, and no step of the grade."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pydantic import ValidationError

from attribution import Estimate, Plan, estimate
from attribution.causal.checks.guardrails import GuardedOutcome, guardrails
from attribution.causal.quick_answers import quick_answer
from attribution.studies.power import placebo_plan
from tests.attribution.causal.test_automation_savings import (
    DAYS,
    LAUNCH,
    documents,
    process_plan,
)
from tests.attribution.studies_for_tests import START, frame_of, plan_of

if TYPE_CHECKING:
    from attribution.causal.checks.check import Check

REWORK = {"column": "reworked", "better": "lower"}


def with_rework(more: float, seed: int = 3) -> pd.DataFrame:
    """Return documents of which 60 a day were done again, and so many more since."""
    frame = documents()
    is_after = frame["date"] >= pd.Timestamp(START) + pd.Timedelta(days=LAUNCH)
    rng = np.random.default_rng(seed)
    usual = rng.poisson(60.0, len(frame))
    return frame.assign(reworked=usual + more * is_after)


def found_of(frame: pd.DataFrame, plan: Plan) -> Estimate:
    found = estimate(frame, plan, is_registered=True)
    assert isinstance(found, Estimate), found
    return found


def guarded(found: Estimate) -> Check:
    (check,) = [one for one in found.checks if one.name == "guardrails"]
    return check


def test_minutes_saved_by_more_rework_are_told_with_that_rework() -> None:
    frame = with_rework(40.0)
    found = found_of(frame, process_plan(guardrails=[REWORK]))
    check = guarded(found)
    low, high = check.picture["reworked"]
    assert low < 40.0 < high
    assert low > 0
    assert check.status == "warn"
    assert "reworked changed by" in check.why
    assert "worse" in check.why
    # The minutes are saved all the same, and are known as well as before.
    alone = found_of(frame, process_plan())
    assert found.grade == alone.grade
    assert found.effect.interval(0.9) == alone.effect.interval(0.9)
    assert not [one for one in alone.checks if one.name == "guardrails"]


def test_rework_that_stays_is_no_harm_detected() -> None:
    check = guarded(found_of(with_rework(0.0), process_plan(guardrails=[REWORK])))
    assert check.status == "pass"
    assert check.statistic == 0
    assert "no harm detected" in check.why


def test_a_guardrail_that_never_varies_is_not_told() -> None:
    frame = documents().assign(reworked=5.0)
    check = guarded(found_of(frame, process_plan(guardrails=[REWORK])))
    assert check.status == "not run"
    assert check.why == (
        "What must not get worse: reworked cannot be told (outcome_constant)."
    )


def test_of_a_series_more_may_be_the_better() -> None:
    rng = np.random.default_rng(0)
    days, launch = 430, 400
    after = np.arange(days) >= launch
    frame = frame_of(
        100.0 + rng.normal(0.0, 3.0, days) + 8.0 * after,
        ratings=50.0 + rng.normal(0.0, 1.0, days) - 4.0 * after,
        visits=70.0 + rng.normal(0.0, 1.0, days) + 4.0 * after,
    )
    rails = [{"column": name, "better": "higher"} for name in ("ratings", "visits")]
    check = guarded(found_of(frame, plan_of(days, launch, guardrails=rails)))
    assert check.status == "warn"
    assert check.statistic == 1
    low, high = check.picture["ratings"]
    assert low < -4.0 < high < 0
    assert check.picture["visits"][0] > 0


@pytest.mark.parametrize(
    ("better", "interval", "is_harmed"),
    [
        ("lower", (0.1, 0.9), True),
        ("lower", (-0.1, 0.9), False),
        ("lower", (-0.9, -0.1), False),
        ("higher", (-0.9, -0.1), True),
        ("higher", (0.1, 0.9), False),
    ],
)
def test_harm_is_an_interval_wholly_on_the_worse_side(
    better: str, interval: tuple[float, float], is_harmed: bool
) -> None:
    one = GuardedOutcome("complaints", better, interval)
    assert one.is_harmed is is_harmed
    assert guardrails([one]).status == ("warn" if is_harmed else "pass")


def test_a_guardrail_is_measured_once_and_neither_in_power_nor_in_sensitivity(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    plan = process_plan(guardrails=[REWORK])
    assert placebo_plan(plan).guardrails == ()

    def refuse(*_: Any) -> None:
        raise AssertionError("a guardrail was estimated")

    monkeypatch.setattr("attribution.causal.estimating.guardrail_plan", refuse)
    frame = with_rework(0.0)
    told = plan.model_copy(update={"design": "automation_savings"})
    assert quick_answer(frame, told, np.random.default_rng(0)).effect < 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"guardrails": [REWORK, REWORK]},
        {"guardrails": [REWORK], "controls": ["reworked"]},
        {"guardrails": [{"column": "reworked", "better": "faster"}]},
        {"guardrails": [{"column": "reworked"}]},
    ],
)
def test_a_guardrail_that_contradicts_the_plan_is_refused(
    wrong: dict[str, Any],
) -> None:
    with pytest.raises(ValidationError):
        plan_of(DAYS, LAUNCH, **wrong)
