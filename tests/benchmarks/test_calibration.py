"""Calibration cards: every estimator has one, without a missed bar."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest

from attribution.calibration_cards import card_of
from attribution.plan import Design
from benchmarks.calibration import CALIBRATIONS, main, table
from benchmarks.calibration_of_panels import calibrate_synthetic_control
from benchmarks.calibration_of_series import plug_in, recommended, step_with_hac

if TYPE_CHECKING:
    from pathlib import Path

from attribution.simulated_worlds import WORLDS, simulate

DESIGNS = sorted(set(get_args(Design)) - {"auto"})


@pytest.mark.parametrize("design", DESIGNS)
def test_every_estimator_has_a_card_of_a_hundred_replications_and_more(
    design: str,
) -> None:
    card = card_of(design)
    assert card["replications"] >= 100
    assert card["missed_bars"] == []
    assert str(card["replications"]) in card["summary"]
    own = [row for row in card["rows"] if row["method"] == "recommended"]
    assert len(own) >= 3
    assert set(CALIBRATIONS) == set(DESIGNS)


def test_the_card_of_the_series_has_every_world_and_what_is_usual_beside_it() -> None:
    rows = card_of("counterfactual_series")["rows"]
    assert {row["world"] for row in rows} == set(WORLDS)
    middle = [row for row in rows if row["days"] == "190+60"]
    assert len(middle) == 3 * len(WORLDS)


def test_a_calibration_is_printed_and_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["experiment", "--replications", "20", "--build", str(tmp_path)]) == 0
    written = json.loads((tmp_path / "experiment.json").read_text())
    assert written["replications"] == 20
    printed = capsys.readouterr().out
    assert "users one by one" in printed
    assert printed.strip() == table("experiment", written).strip()


def test_units_beyond_their_donors_are_refused_in_simulation() -> None:
    rows = calibrate_synthetic_control(12)["rows"]
    beyond = [row for row in rows if row["world"] == "beyond 20 donors"]
    assert beyond[0]["refused"] >= 11 / 12
    assert beyond[1]["coverage_90"] < 0.9  # what nobody refuses, and should


def test_usual_methods_are_what_they_are_called() -> None:
    """In the static world, without drift, their widths are near the oracle's 117."""
    series = simulate("A", np.random.default_rng(5))
    rng = np.random.default_rng(0)
    widths = [
        np.diff(method(series, rng)[0])[0]
        for method in (step_with_hac, plug_in, recommended)
    ]
    assert 60 < widths[0] < 180
    assert 60 < widths[1] < 220
    assert widths[0] < widths[2]
