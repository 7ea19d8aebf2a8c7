"""A study is as long as what it has to find asks for, rehearsed on the history."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from attribution.causal.plan import Plan
from attribution.studies.planning import (
    cells_of_a_period,
    planned_lengths,
    treated_unit_count,
)
from attribution.studies.power import minimum_detectable_effect
from tests.attribution.studies_for_tests import frame_of, plan_of, trial_study
from triptych.cli import app

if TYPE_CHECKING:
    from pathlib import Path

ECONOMICS = {"cost_amount": 4000.0, "value_amount_per_unit": 8.0}


def history() -> pd.DataFrame:
    noise = np.random.default_rng(0).normal(0.0, 3.0, 120)
    return frame_of(100.0 + noise)


def planned_plan() -> Plan:
    """Return a plan of 20 days from day 120 on, at 4,000 for 8 a ticket."""
    plan = plan_of(140, 120, economics=ECONOMICS, minimum_effect=3.0)
    return Plan.model_validate(plan.model_dump())


def test_each_length_says_what_it_finds_in_money_and_what_waiting_costs() -> None:
    """Twenty days cost 4,000, ten half; an effect of e a day is worth 8 e a day."""
    plan = planned_plan()
    ten, twenty = planned_lengths(history(), plan, [10, 20])
    assert (ten.periods, twenty.end) == (10, plan.window.end)
    assert (ten.cost, twenty.cost) == (2000.0, 4000.0)
    assert twenty.detectable == minimum_detectable_effect(history(), plan)
    for one in (ten, twenty):
        assert one.detectable is not None
        assert one.cost is not None
        worth = one.detectable * 8 * one.periods
        assert one.detectable_value == pytest.approx(worth)
        assert one.detectable_roi == pytest.approx(worth / one.cost - 1)
        assert one.power is not None
        assert 0.1 <= one.power <= 1.0


def test_a_length_that_the_history_cannot_rehearse_says_why() -> None:
    [too_long] = planned_lengths(history(), planned_plan(), [130])
    assert (too_long.detectable, too_long.detectable_roi) == (None, None)
    assert "120 periods before the launch" in too_long.reason


def test_of_an_experiment_the_share_of_all_units_is_treated() -> None:
    frame, plan = trial_study()
    assert treated_unit_count(frame, plan) == 6.0
    assert treated_unit_count(frame, plan_of(12, 8, treated=("a", "b"))) == 2.0


@pytest.mark.parametrize(
    ("facts", "cells"),
    [
        # 400 users in 40 clusters, half of each treated, with 3 tickets each a day.
        ({}, 200.0),
        ({"denominator": "tickets"}, 600.0),
        ({"assignment": {"cluster": "team", "estimand": "cluster"}}, 20.0),
        ({"assignment": {"cluster": "team"}}, 200.0),
        ({"denominator": "never_delivered"}, None),
    ],
)
def test_an_effect_is_worth_as_often_as_what_it_is_per_comes_in_a_period(
    facts: dict[str, Any], cells: float | None
) -> None:
    users = np.arange(400)
    frame = pd.DataFrame(
        {
            "unit": np.tile([f"u{user}" for user in users], 2),
            "date": np.repeat(pd.to_datetime(["2026-01-05", "2026-01-06"]), 400),
            "outcome": 1.0,
            "team": np.tile(users % 40, 2),
            "tickets": np.repeat([2.0, 4.0], 400),
        }
    )
    drawn = {"column": "arm", "unit": "user"} | facts.get("assignment", {})
    plan = plan_of(12, 8, **facts | {"assignment": drawn})
    assert cells_of_a_period(frame, plan) == cells


def test_an_effect_on_minutes_per_document_is_worth_its_documents() -> None:
    """Of 30 and 50 documents in the office that has it; the other's are none of it."""
    frame = pd.DataFrame(
        {
            "unit": ["a", "a", "b", "b"],
            "date": pd.to_datetime(["2026-01-05", "2026-01-06"] * 2),
            "outcome": 1.0,
            "volume": [30.0, 50.0, 900.0, 900.0],
        }
    )
    facts: dict[str, Any] = {"process": {}, "outcome_unit": "minutes"}
    assert cells_of_a_period(frame, plan_of(12, 8, treated=("a",), **facts)) == 40.0
    assert cells_of_a_period(frame, plan_of(12, 8, **facts)) == 940.0


def test_the_command_prints_a_row_for_each_length(tmp_path: Path) -> None:
    history().to_csv(tmp_path / "history.csv", index=False)
    (tmp_path / "pilot.yml").write_text(
        "id: pilot\nfeature: copilot\noutcome: resolved_tickets\n"
        "outcome_unit: tickets\nlaunch: 2024-04-30\n"
        "window: {start: 2024-01-01, end: 2024-05-20}\n"
        "economics: {cost_amount: 4000, value_amount_per_unit: 8}\n"
    )
    command = ["study", "plan", str(tmp_path / "pilot.yml"), "--periods", "20"]
    command += ["--history", str(tmp_path / "history.csv")]
    told = CliRunner().invoke(app, command)
    assert told.exit_code == 0, told.output
    assert "treated units  1" in told.output
    assert "2024-05-20" in told.output
    assert "4000" in told.output
