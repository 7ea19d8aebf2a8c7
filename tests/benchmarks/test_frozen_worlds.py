"""Worlds that methods are judged in: written first, and the same ever since."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import benchmarks.frozen_worlds as package
from benchmarks.calibration import CARD_OF_WORLDS
from benchmarks.calibration_of_frozen_worlds import card_of_worlds, holds
from benchmarks.frozen_worlds import FROZEN_WORLDS
from benchmarks.frozen_worlds.starts import START_WORLDS
from benchmarks.frozen_worlds.world import panel_trial

HASHES = Path(package.__file__).parent / "hashes.json"


def test_worlds_are_those_that_were_frozen_before_their_methods() -> None:
    frozen = json.loads(HASHES.read_text("utf-8"))
    worlds = [*FROZEN_WORLDS.values(), *START_WORLDS]
    assert {world.name: world.hash() for world in worlds} == frozen


def test_at_least_ten_worlds_were_thought_up_and_not_reported() -> None:
    own = [world for world in FROZEN_WORLDS.values() if world.origin == "own"]
    assert len(own) >= 10
    assert {world.design for world in own} == {
        world.design for world in FROZEN_WORLDS.values()
    }


@pytest.mark.parametrize("name", ["effect on trends", "effects grow", "no history"])
def test_a_seed_gives_one_trial_and_another_seed_another(name: str) -> None:
    world = FROZEN_WORLDS[name]
    first, again, other = world.trial(1), world.trial(1), world.trial(2)
    assert first.frame.equals(again.frame)
    assert not np.allclose(first.frame["outcome"], other.frame["outcome"])


def test_the_truth_is_what_a_trial_was_given() -> None:
    """5.6 a period for twenty periods; 0.2 a day for 200 users on two days."""
    assert FROZEN_WORLDS["effect on trends"].trial(0).truth == pytest.approx(112.0)
    assert FROZEN_WORLDS["no history"].trial(0).truth == pytest.approx(80.0)


def test_a_cell_that_is_unknown_is_no_row() -> None:
    trial = panel_trial(np.array([[1.0, np.nan], [2.0, 3.0]]), 1, 0.0, {})
    assert len(trial.frame) == 3
    assert trial.frame["outcome"].tolist() == [1.0, 2.0, 3.0]


def row(**changes: object) -> dict[str, object]:
    """Return the row of a world in which a hundred studies are counted and hold."""
    usual = {
        "world": "plain",
        "beyond": False,
        "replications": 100,
        "counted": 0.5,
        "counted_coverage_95": 0.95,
        "counted_coverage_90": 0.9,
    }
    return usual | changes


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"counted_coverage_90": 0.87}, True),
        ({"counted_coverage_90": 0.86}, False),
        ({"counted_coverage_95": 0.91}, False),
        ({"counted_coverage_95": 0.0, "counted": 0.1}, True),
        ({"counted_coverage_95": 0.0, "counted": 0.11}, False),
    ],
)
def test_a_world_holds_if_counted_intervals_do_or_hardly_any_is_counted(
    changes: dict[str, object], expected: bool
) -> None:
    assert holds(row(**changes)) is expected


def test_a_card_names_worlds_that_do_not_hold_and_judges_none_beyond_reach() -> None:
    rows = [
        row(holds=True),
        row(world="drift", holds=False, replications=40),
        row(world="unseen", holds=False, beyond=True),
    ]
    card = card_of_worlds(rows)
    assert card["missed_bars"] == ["drift"]
    assert card["replications"] == 40
    assert "in 1 of 2 simulated worlds (40 studies or more each)" in card["summary"]


def test_the_shipped_card_is_about_every_frozen_world() -> None:
    card = json.loads(CARD_OF_WORLDS.read_text("utf-8"))
    assert [row["world"] for row in card["rows"]] == list(FROZEN_WORLDS)
    for own in card["rows"]:
        assert own["holds"] == holds(own), own["world"]
        assert own["beyond"] == FROZEN_WORLDS[own["world"]].beyond
