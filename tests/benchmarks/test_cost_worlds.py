"""The worlds that forecasts and anomalies are measured in stay what they were."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cost_worlds import (
    DISTURBED_WORLDS,
    LANDING_WORLDS,
    ORDINARY_WORLDS,
    UNSEEN,
    digest,
)

FROZEN = json.loads((Path(__file__).parent / "frozen_cost_worlds.json").read_text())
FAMILIES = {
    "landings": LANDING_WORLDS,
    "ordinary": ORDINARY_WORLDS,
    "disturbed": DISTURBED_WORLDS,
}


@pytest.mark.parametrize("family", FAMILIES)
def test_no_world_has_changed_since_it_was_frozen(family: str) -> None:
    found = {name: digest(world) for name, world in FAMILIES[family].items()}
    assert found == FROZEN[family]


def test_every_unseen_world_exists() -> None:
    assert {name for worlds in FAMILIES.values() for name in worlds} >= UNSEEN


def test_a_growing_world_grows_by_what_its_name_says() -> None:
    # Of a hundred draws the wandering cancels out: a year at 10 % a month is ×3.14.
    ratios = [
        np.log(drawn.values[-28:].sum() / drawn.values[-28 - 365 :][:28].sum())
        for drawn in map(LANDING_WORLDS["growth 10 % a month"], range(100))
    ]
    assert float(np.mean(ratios)) == pytest.approx(12 * np.log(1.1), abs=0.05)


def test_what_is_planted_stands_in_the_days_that_are_named() -> None:
    drawn = DISTURBED_WORLDS["falls to zero"](4)
    assert drawn.disturbed is not None
    first, last = drawn.disturbed
    assert not drawn.values[first : last + 1].any()
    assert drawn.values[first - 1] > 0
