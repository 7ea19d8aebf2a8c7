"""An estimate as statistical libraries print theirs: figures, intervals, a table."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from attribution.causal.effect import Effect, effect_from_covariance
from attribution.causal.refusal import REMEDIES, Refusal
from attribution.causal.result import Estimate

PERIODS, VARIANCE, CELLS = 16, 4.0, 32.0


def estimate_of(effect: Effect) -> Estimate:
    return Estimate(
        design="experiment",
        estimand="what <the> feature changed",
        dates=pd.date_range("2026-03-01", periods=len(effect.point_path)),
        observed=np.full(len(effect.point_path), 10.0),
        effect=effect,
        cells=CELLS,
        best_grade="B",
        study_id="eta-v2",
        outcome="handling_minutes",
        unit="minutes",
    )


@pytest.fixture(scope="module")
def known() -> Estimate:
    """Return an estimate whose total is normal: mean 32, standard deviation 8."""
    rng = np.random.default_rng(5)
    covariance = np.eye(PERIODS) * VARIANCE
    point = np.full(PERIODS, 2.0)
    return estimate_of(
        effect_from_covariance(point, covariance, degrees_of_freedom=math.inf, rng=rng)
    )


def test_standard_errors_are_those_of_the_distribution(known: Estimate) -> None:
    deviation = math.sqrt(PERIODS * VARIANCE)
    assert known.params.to_dict() == {"total": 32.0, "average": 1.0}
    assert known.std_errors["total"] == pytest.approx(deviation, rel=1e-3)
    assert known.std_errors["average"] == pytest.approx(deviation / CELLS, rel=1e-3)


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95])
def test_intervals_are_those_of_the_distribution(known: Estimate, level: float) -> None:
    lower, upper = stats.norm.interval(level, loc=32.0, scale=8.0)
    ends = known.conf_int(level)
    assert list(ends.columns) == ["lower", "upper"]
    assert list(ends.loc["total"]) == pytest.approx([lower, upper], rel=1e-2)
    average = [lower / CELLS, upper / CELLS]
    assert list(ends.loc["average"]) == pytest.approx(average, rel=1e-2)


def test_without_a_level_the_interval_is_that_of_the_plan(known: Estimate) -> None:
    pd.testing.assert_frame_equal(known.conf_int(), known.conf_int(known.level))


def test_the_summary_holds_what_the_estimate_says(known: Estimate) -> None:
    summary = known.summary()
    table = summary.table
    assert table["estimate"].to_dict() == known.params.to_dict()
    assert table["std_error"].to_dict() == known.std_errors.to_dict()
    assert table.loc["total", "p_value"] == known.effect.p_value
    text = str(summary)
    assert text.startswith("eta-v2: ")
    for word in ("experiment", "handling_minutes [minutes]", "90%", "std_error"):
        assert word in text
    assert "what &lt;the&gt; feature changed" in summary._repr_html_()


def test_an_unbounded_effect_has_no_standard_error() -> None:
    paths = np.array([[-np.inf], [1.0], [2.0], [np.inf]])
    unbounded = estimate_of(Effect.of(paths, point_path=np.array([1.5])))
    assert unbounded.std_errors.isna().all()
    assert "nan" in str(unbounded.summary()).casefold()


def test_a_refusal_has_a_summary_without_a_figure() -> None:
    refusal = Refusal("too_few_units", "3 units, and 8 are needed", study_id="eta-v2")
    summary = refusal.summary()
    assert summary.table.empty
    assert str(summary).splitlines()[0] == "eta-v2: no estimate"
    assert REMEDIES["too_few_units"] in str(summary)
