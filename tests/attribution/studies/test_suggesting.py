"""First studies of invented companies: plans suggested, and steps after refusals."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from attribution import Estimate, Plan, Refusal, estimate
from attribution.studies.asked import Asked, Registered
from attribution.studies.next_step import next_step, redefinition, with_next_step
from attribution.studies.outcome_rows import OutcomeRows
from attribution.studies.process import StudyJob, fit_study
from attribution.studies.study_files import read_plan
from attribution.studies.suggesting import (
    at_whole_periods,
    plan_text,
    suggested_for,
    suggestions,
    write_plan,
)
from benchmarks.frozen_worlds.newcomers import newcomer
from triptych.core.errors import RefusedEstimateError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from benchmarks.frozen_worlds.newcomers import Newcomer

FACTS = {"id": "first", "feature": "pilot", "outcome": "cases", "outcome_unit": "cases"}
STEPS_AT_MOST = 2
#: The generator was written and frozen before any suggestion was.
FROZEN = "dc3d3ac1e285f4fae7a82b21d15b189c9d251ae741b6c75df8f79409db11ddd6"


def test_companies_are_those_that_were_frozen() -> None:
    digest = hashlib.sha256()
    for seed in range(40):
        company = newcomer(seed)
        outcome = company.frame["outcome"].to_numpy().round(1)
        digest.update(outcome.tobytes())
        digest.update(repr(sorted(company.starts.items())).encode())
    assert digest.hexdigest() == FROZEN


def naive_plan(company: Newcomer, scale: str) -> Plan:
    """Return the plan of somebody who guesses the scale and takes every date."""
    rows, period = at_whole_periods(company.frame)
    dates = sorted(set(rows["date"]))
    end = dates[-1] + (dates[1] - dates[0])
    starts = company.starts
    who: dict[str, Any] = {"rollout": starts}
    if len(set(starts.values())) == 1:
        who = {"treated": tuple(starts)} if len(set(rows["unit"])) > 1 else {}
    window = {"start": dates[0].date(), "end": end.date()}
    first = min(starts.values())
    changes = {"period": period, "launch": first, "window": window, "scale": scale}
    return Plan.model_validate({**FACTS, **changes, **who})


def walk(company: Newcomer, plan: Plan) -> tuple[Estimate | Refusal, list[Plan]]:
    """Follow the advice of refusals; return the last answer and all plans."""
    plans = [plan]
    answer = estimate(company.frame, plan, is_registered=True)
    while isinstance(answer, Refusal) and len(plans) <= STEPS_AT_MOST:
        change = next_step(company.frame, plans[-1])
        if change is None:
            break
        plans.append(change.applied(plans[-1]))
        answer = estimate(company.frame, plans[-1], is_registered=True)
    return answer, plans


def verdicts(seeds: Iterable[int], *, naive: bool, has_effect: bool) -> Counter[str]:
    """Return how many companies found the effect, and how many went in a circle."""
    counts: Counter[str] = Counter()
    for seed in seeds:
        company = newcomer(seed, has_effect=has_effect)
        plan = naive_plan(company, ("additive", "multiplicative")[seed % 2])
        if not naive:
            plan = suggestions(company.frame, company.starts, FACTS)[0].plan
        answer, plans = walk(company, plan)
        counts["circle"] += len({each.hash for each in plans}) < len(plans)
        if isinstance(answer, Refusal):
            counts[f"refused {answer.code}"] += 1
            continue
        low, high = answer.effect.interval(0.9)
        truth = company.truth(plans[-1].window.end)
        counts["answered"] += 1
        counts["held"] += low <= truth <= high
        counts["claimed"] += low > 0 or high < 0
        counts["found"] += (low > 0 and truth > 0) or (high < 0 and truth < 0)
    return counts


@pytest.mark.parametrize("naive", [False, True])
def test_first_studies_reach_an_answer_in_two_steps(naive: bool) -> None:
    """Ten of two hundred that are quick to fit; the full layer asks all of them."""
    quick = [0, 1, 2, 7, 8, 14, 22, 27, 39, 99]
    counts = verdicts(quick, naive=naive, has_effect=True)
    assert counts["circle"] == 0, counts
    assert counts["found"] >= 0.7 * len(quick)


@pytest.mark.full
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("naive", [False, True])
def test_two_hundred_first_studies(naive: bool) -> None:
    counts = verdicts(range(200), naive=naive, has_effect=True)
    assert counts["circle"] == 0, counts
    assert counts["found"] >= 140
    assert counts["held"] >= 0.85 * counts["answered"]


@pytest.mark.full
@pytest.mark.timeout(1200)
def test_a_hundred_first_studies_of_nothing() -> None:
    """Advice is chosen by refusals only, so it finds effects no more often."""
    counts = verdicts(range(1000, 1100), naive=False, has_effect=False)
    assert counts["circle"] == 0, counts
    assert counts["claimed"] <= 0.15 * counts["answered"]


def test_a_refusal_names_the_date_of_another_definition() -> None:
    """Cases are counted in another way from day 60 of 240 on: 100 became 60."""
    rng = np.random.default_rng(7)
    days = pd.date_range("2025-01-06", periods=240)
    level = np.where(np.arange(240) < 60, 100.0, 60.0)
    outcome = level + rng.normal(0.0, 2.0, 240)
    rows = pd.DataFrame({"unit": "all", "date": days, "outcome": outcome})
    facts = {"launch": days[220].date(), "window": {"start": days[0].date()}}
    facts["window"]["end"] = date(2025, 9, 3)
    plan = Plan.model_validate({**FACTS, **facts})
    step = redefinition(rows, plan)
    assert step is not None
    assert abs((pd.Timestamp(step) - days[60]).days) <= 1
    steady = rows.assign(outcome=100.0 + rng.normal(0.0, 2.0, 240))
    assert redefinition(steady, plan) is None


def test_a_run_publishes_advice_that_was_tried() -> None:
    """One series of 108 days asks for a window that its history allows for."""
    company = newcomer(8)
    plan = naive_plan(company, "additive")
    asked = Asked(plan, Registered("EXPLORATORY"), 1, date(2025, 4, 23), "1")
    rows = pa.Table.from_pandas(company.frame, preserve_index=False)
    [row] = fit_study(StudyJob(asked, rows, ""))["attribution_studies"].to_pylist()
    assert row["refusal_code"] == "pre_period_too_short"
    change = next_step(company.frame, plan, seed=1)
    assert change is not None
    assert row["what_would_fix_it"] == change.advice
    assert "End the window on 2025-04-" in change.advice


def test_advice_is_left_alone_where_data_is_missing() -> None:
    company = newcomer(0)
    plan = naive_plan(company, "additive")
    refusal = Refusal("outcome_constant", "It is 7.")
    assert with_next_step(company.frame, plan, refusal) is refusal


def test_advice_says_where_no_change_helps() -> None:
    """Seven weeks of one series: nothing but more history helps."""
    company = newcomer(7)
    plan = naive_plan(company, "additive")
    refused = estimate(company.frame, plan, is_registered=True)
    assert isinstance(refused, Refusal)
    advised = with_next_step(company.frame, plan, refused)
    assert advised.what_would_fix_it.startswith("No change of this plan helps:")
    assert "wait for more history" in advised.what_would_fix_it


def test_sparse_outcomes_are_asked_by_the_week() -> None:
    """Two units that are seen on three days of seven: by week every cell is there."""
    days = pd.date_range("2026-01-05", periods=70)
    rows = pd.DataFrame(
        [
            {"unit": unit, "date": day, "outcome": float(day.day_of_week)}
            for unit in ("a", "b")
            for number, day in enumerate(days)
            if number % 7 in (0, 2, 4)
        ]
    )
    weekly, period = at_whole_periods(rows)
    assert period == "week"
    assert set(weekly["outcome"]) == {2.0}
    assert weekly["date"].min() == pd.Timestamp("2026-01-05")


def rows_of(company: Newcomer) -> OutcomeRows:
    return OutcomeRows(company.frame, company.starts, "cases", "pilot")


def test_a_plan_is_written_and_read_again(tmp_path: Path) -> None:
    first = suggested_for("cases per day", rows_of(newcomer(14)))[0]
    assert first.plan.id == "pilot-cases-per-day"
    path = write_plan(first, tmp_path / "studies")
    assert read_plan(path) == first.plan
    assert "# better: higher" in plan_text(first.plan)
    with pytest.raises(UsageError, match="already"):
        write_plan(first, tmp_path / "studies")


def test_a_plan_that_cannot_be_estimated_is_not_written(tmp_path: Path) -> None:
    suggested = suggested_for("cases", rows_of(newcomer(7)))
    assert all(each.missing for each in suggested)
    with pytest.raises(RefusedEstimateError, match="No plan can be estimated"):
        write_plan(suggested[0], tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changes", "asked", "message"),
    [
        ({"starts": {}}, {}, "No start was delivered"),
        ({"feature": ""}, {}, "No feature was delivered"),
        ({}, {"units": ("nobody",)}, "No outcome of unit 'nobody'"),
    ],
)
def test_what_is_missing_is_asked_for(
    changes: dict[str, Any], asked: dict[str, Any], message: str
) -> None:
    company = newcomer(14)
    rows = replace(rows_of(company), **changes)
    with pytest.raises(UsageError, match=message):
        suggested_for("cases", rows, **asked)
