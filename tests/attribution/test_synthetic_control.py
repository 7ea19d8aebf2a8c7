"""One treated unit: exact weights, published answers, honest tests, refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attribution import Estimate, Plan, Refusal, estimate
from attribution.estimators.convex_weights import convex_weights
from attribution.estimators.synthetic_control import chosen_test
from attribution.estimators.synthetic_did import placebo_error, synthetic_did
from attribution.estimators.synthetic_gaps import SyntheticGaps
from attribution.simulated_worlds import autoregression

if TYPE_CHECKING:
    from pathlib import Path

LAUNCH = 19


@pytest.fixture(scope="module")
def states(causal: Path) -> pd.DataFrame:
    table = pd.read_csv(causal / "prop99_synthdid.csv", sep=";")
    return table.pivot_table(index="State", columns="Year", values="PacksPerCapita")


@pytest.fixture(scope="module")
def california(states: pd.DataFrame) -> SyntheticGaps:
    donors = states.drop("California").to_numpy()
    return SyntheticGaps(states.loc["California"].to_numpy(), donors, LAUNCH)


@pytest.mark.reference
def test_california_smoked_less_by_what_is_published(california: SyntheticGaps) -> None:
    plain = SyntheticGaps(
        california.treated, california.donors, LAUNCH, intercept=False
    )
    assert plain.mean_gap == pytest.approx(-19.6, abs=0.15)
    assert -28 < plain.gaps[-1] < -25  # "about 26 packs" in 2000
    assert california.mean_gap == pytest.approx(-11.1, abs=0.05)
    did = synthetic_did(california.treated, california.donors, LAUNCH)
    assert did == pytest.approx(-15.60383, abs=0.01)
    after = california.donors[:, LAUNCH:].mean() - california.donors[:, :LAUNCH].mean()
    own = california.treated[LAUNCH:].mean() - california.treated[:LAUNCH].mean()
    assert own - after == pytest.approx(-27.3491, abs=1e-3)


@pytest.mark.reference
def test_tests_of_california_are_those_measured_elsewhere(
    california: SyntheticGaps,
) -> None:
    plain = SyntheticGaps(
        california.treated, california.donors, LAUNCH, intercept=False
    )
    assert plain.relative_error_before == pytest.approx(0.749, abs=2e-3)
    assert california.relative_error_before == pytest.approx(0.493, abs=2e-3)
    assert plain.rank_p_value() == california.rank_p_value() == pytest.approx(3 / 39)
    assert plain.conformal_p_value(0.0) == pytest.approx(1 / 31)
    assert california.conformal_p_value(0.0) == pytest.approx(3 / 31)
    for gaps, ends in ((plain, (-22.0, -14.5)), (california, (-13.5, -0.5))):
        low, high = gaps.conformal_ends(np.array([0.1]))
        assert (low[0], high[0]) == pytest.approx(ends, abs=1.0)
        assert low[0] <= ends[0] + 0.1  # a grid widens the set, it never narrows it
    error = placebo_error(california.donors, LAUNCH, np.random.default_rng(0))
    assert 7.5 < error < 11.0


def panel_plan(frame: pd.DataFrame, launch: str, **changes: object) -> Plan:
    days = pd.DatetimeIndex(frame["date"].unique())
    declared = {
        "id": "pilot",
        "feature": "routing",
        "outcome": "cost_per_stop",
        "outcome_unit": "EUR",
        "launch": launch,
        "window": {
            "start": days.min().date(),
            "end": (days.max() + pd.Timedelta(days=1)).date(),
        },
        "treated": ["depot 00"],
    }
    return Plan.model_validate(declared | changes)


@pytest.mark.reference
def test_a_short_history_and_the_spread_lower_the_grade_of_california(
    states: pd.DataFrame,
) -> None:
    frame = states.reset_index().melt("State", value_name="outcome")
    frame["date"] = pd.to_datetime(frame["Year"].astype(str) + "-01-01")
    frame = frame.rename(columns={"State": "unit"})
    plan = panel_plan(
        frame, "1989-01-01", treated=["California"], period="year", outcome_unit="packs"
    )
    found = estimate(frame, plan, is_registered=True)
    assert isinstance(found, Estimate), found
    assert found.diagnostics["test"] == "ranks among donors"
    assert found.average.point == pytest.approx(-11.109, abs=0.01)
    low, high = found.average.interval(0.9)
    assert low < -19.6 < -11.1 < high
    statuses = {check.name: check.status for check in found.checks}
    assert statuses["history_length"] == "warn"
    assert statuses["specification_spread"] == "warn"
    assert found.grade == "D"
    assert "19 periods before the launch and 12 after" in found.report()
    assert found.effect.interval(0.99) == (-np.inf, np.inf)  # printed as unbounded


def depots(
    seed: int,
    *,
    donors: int = 20,
    effect: float = 0.0,
    before: int = 60,
    after: int = 20,
    outside: float = 0.0,
) -> pd.DataFrame:
    """Return depots that share two factors, the first a mixture of three others."""
    rng = np.random.default_rng(seed)
    periods = before + after
    factors = np.stack([autoregression(rng, periods, 0.7, 1.0) for _ in range(2)])
    loadings = rng.uniform(0.0, 1.0, (donors + 1, 2))
    loadings[0] = loadings[1:4].mean(axis=0) + outside
    y = 500.0 + loadings @ factors * 2.0 + rng.normal(0.0, 0.5, (donors + 1, periods))
    y[0, before:] += effect
    days = pd.date_range("2026-01-01", periods=periods)
    return pd.DataFrame(
        {
            "unit": np.repeat([f"depot {i:02}" for i in range(donors + 1)], periods),
            "date": np.tile(days, donors + 1),
            "outcome": y.ravel(),
        }
    )


def test_weights_are_optimal_by_karush_kuhn_and_tucker() -> None:
    rng = np.random.default_rng(3)
    for ridge in (0.0, 0.7):
        candidates, target = rng.normal(0.0, 2.0, (30, 12)), rng.normal(0.0, 1.0, 30)
        weights = convex_weights(target, candidates, ridge=ridge)
        assert weights.sum() == pytest.approx(1.0, abs=1e-12)
        assert weights.min() >= 0.0
        residual = candidates @ weights - target
        gradient = candidates.T @ residual / 30 + ridge**2 * weights
        active = weights > 1e-9
        level = gradient[active].mean()
        assert gradient[active] == pytest.approx(level, abs=1e-5)
        assert (gradient[~active] >= level - 1e-5).all()


def test_weights_agree_with_a_slow_solver() -> None:
    rng = np.random.default_rng(4)
    candidates, target = rng.normal(0.0, 2.0, (30, 6)), rng.normal(0.0, 1.0, 30)
    slow = np.full(6, 1 / 6)
    step = 1.0 / np.linalg.norm(candidates, 2) ** 2
    for _ in range(20_000):
        moved = slow - step * candidates.T @ (candidates @ slow - target)
        ordered = np.sort(moved)[::-1]
        shifts = (np.cumsum(ordered) - 1.0) / np.arange(1, 7)
        shift = shifts[np.flatnonzero(ordered > shifts)[-1]]
        slow = np.maximum(moved - shift, 0.0)
    assert convex_weights(target, candidates) == pytest.approx(slow, abs=1e-6)


def test_a_planted_effect_is_found_and_its_weights_are_the_mixture() -> None:
    frame = depots(1, effect=3.0)
    found = estimate(frame, panel_plan(frame, "2026-03-02"), is_registered=True)
    assert isinstance(found, Estimate), found
    assert found.design == "synthetic_control"
    low, high = found.average.interval(0.9)
    assert low < 3.0 < high
    assert low > 0
    assert found.diagnostics["test"] == "conformal shifts in time"
    assert sum(found.diagnostics["weights"].values()) == pytest.approx(1.0, abs=0.01)
    assert found.grade in "BCD"


def test_the_interval_is_the_set_that_the_test_keeps() -> None:
    frame = depots(2, effect=1.0, donors=30, before=20, after=8)
    found = estimate(frame, panel_plan(frame, "2026-01-21"))
    assert isinstance(found, Estimate), found
    assert found.diagnostics["test"] == "ranks among donors"
    y = frame.pivot_table(index="unit", columns="date", values="outcome").to_numpy()
    gaps = SyntheticGaps(y[0], y[1:], 20)
    donors = sorted((one.statistic for one in gaps.placebos), reverse=True)
    # Kept at 10 %: at least floor(0.1 × 31) = 3 donors are as extreme.
    half = gaps.error_before * donors[2]
    low, high = found.average.interval(0.9)
    assert (low, high) == pytest.approx((gaps.mean_gap - half, gaps.mean_gap + half))


@pytest.mark.parametrize(
    ("before", "donors"), [(60, 20), (25, 30)], ids=["shifts", "ranks"]
)
def test_intervals_of_both_tests_hold_without_an_effect(
    before: int, donors: int
) -> None:
    """Forty worlds at 90 %: fewer than 29 happen to an honest test once in 2000."""
    hits = 0
    for seed in range(40):
        frame = depots(seed + 100, donors=donors, before=before, after=10)
        y = frame.pivot_table(index="unit", columns="date", values="outcome")
        gaps = SyntheticGaps(y.to_numpy()[0], y.to_numpy()[1:], before)
        if chosen_test(donors, before + 10)[0] == "ranks among donors":
            hits += abs(gaps.mean_gap) <= gaps.rank_half_widths(np.array([0.1]))[0]
        else:
            hits += gaps.conformal_p_value(0.0) > 0.1
    assert hits >= 29


def test_a_unit_beyond_all_donors_is_refused() -> None:
    frame = depots(5, outside=3.0)
    refused = estimate(frame, panel_plan(frame, "2026-03-02"))
    assert isinstance(refused, Refusal)
    assert refused.code == "donors_do_not_span"
    assert float(str(refused.evidence["statistic"])) > 2.0
    assert "times the median donor" in refused.message


@pytest.mark.parametrize(
    ("shape", "launch", "code"),
    [
        ({"before": 10, "after": 5}, "2026-01-11", "pre_period_too_short"),
        ({"before": 14, "after": 20}, "2026-01-15", "pre_period_too_short"),
        ({"before": 40, "after": 5, "donors": 1}, "2026-02-10", "no_comparison_units"),
    ],
)
def test_too_little_to_compare_with_is_refused(
    shape: dict[str, int], launch: str, code: str
) -> None:
    frame = depots(6, **shape)
    plan = panel_plan(frame, launch, design="synthetic_control")
    refused = estimate(frame, plan)
    assert isinstance(refused, Refusal)
    assert refused.code == code


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"scale": "multiplicative"}, "`scale: additive`"),
        (
            {
                "treated": (),
                "rollout": {"depot 00": "2026-03-02", "depot 01": "2026-03-05"},
            },
            "staggered roll-out",
        ),
    ],
)
def test_what_synthetic_control_is_not_for_is_refused(
    changes: dict[str, object], said: str
) -> None:
    frame = depots(6)
    plan = panel_plan(frame, "2026-03-02", design="synthetic_control", **changes)
    refused = estimate(frame, plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "plan_not_supported"
    assert said in refused.message


def test_a_level_that_no_donors_can_attain_is_refused() -> None:
    frame = depots(7, donors=8, before=13, after=5)
    plan = panel_plan(frame, "2026-01-14", decision_rule={"level": 0.95})
    refused = estimate(frame, plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "level_not_attainable"
    assert "0.056" in refused.message  # 1/18 periods; 1/9 by ranks


def test_an_interval_that_no_test_bounds_is_called_unbounded() -> None:
    """Eighteen periods attain 90 % and not 95 %."""
    frame = depots(7, donors=8, before=13, after=5)
    found = estimate(frame, panel_plan(frame, "2026-01-14"))
    assert isinstance(found, Estimate), found
    assert np.isfinite(found.effect.interval(0.9)).all()
    assert found.effect.interval(0.95) == (-np.inf, np.inf)
    assert "95% unbounded" in found.report()
    assert len(found.path) == 5


RNG = np.random.default_rng(8)
WALKS = np.cumsum(RNG.normal(0.0, 1.0, (6, 40)), axis=1)
MIXED = WALKS[:3].mean(axis=0) + RNG.normal(0.0, 0.3, 40)


@settings(deadline=None, max_examples=40)
@given(
    exponent=st.floats(-6.0, 6.0),
    own=st.floats(-1e3, 1e3),
    common=st.floats(-1e3, 1e3),
    per_period=st.floats(-50.0, 50.0),
    order=st.permutations(range(6)),
)
def test_a_gap_and_its_tests_change_as_they_must(
    exponent: float, own: float, common: float, per_period: float, order: list[int]
) -> None:
    """Levels and the order of donors do nothing; what all gain after cancels out."""
    scale = 10.0**exponent
    later = (np.arange(40) >= 30).astype(float)
    usual = SyntheticGaps(MIXED, WALKS, 30)
    moved = SyntheticGaps(
        scale * (MIXED + own + (common + per_period) * later),
        scale * (WALKS[order] + common * later),
        30,
    )
    expected = usual.mean_gap + per_period
    assert moved.mean_gap / scale == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert moved.error_before / scale == pytest.approx(usual.error_before, rel=1e-5)
    alphas = np.array([0.2, 0.5])
    halves = moved.rank_half_widths(alphas) / scale
    assert halves == pytest.approx(usual.rank_half_widths(alphas), rel=1e-4)


def test_additions_move_the_gap_as_they_should() -> None:
    rng = np.random.default_rng(8)
    donors = np.cumsum(rng.normal(0.0, 1.0, (6, 40)), axis=1)
    treated = donors[:3].mean(axis=0) + rng.normal(0.0, 0.1, 40)
    usual = SyntheticGaps(treated, donors, 30).mean_gap
    later = np.where(np.arange(40) >= 30, 2.0, 0.0)
    assert SyntheticGaps(treated + later, donors, 30).mean_gap == pytest.approx(
        usual + 2.0
    )
    assert SyntheticGaps(treated + 5.0, donors, 30).mean_gap == pytest.approx(usual)
    assert SyntheticGaps(treated + later, donors + later, 30).mean_gap == pytest.approx(
        usual
    )
    for scale in (1e-6, 1e6):
        scaled = SyntheticGaps(scale * treated, scale * donors, 30)
        assert scaled.mean_gap == pytest.approx(scale * usual, rel=1e-5)
    order = rng.permutation(6)
    assert SyntheticGaps(treated, donors[order], 30).mean_gap == pytest.approx(usual)
