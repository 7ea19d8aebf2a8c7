"""Adoption among other drivers: contributions that sum, and what cannot be told."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from attribution import Estimate, Plan, Refusal, estimate
from attribution.causal.estimating import Attempt
from attribution.causal.estimators.adoption_response import glsar_total
from attribution.causal.estimators.declared_drivers import (
    effect_loadings,
    effect_of,
    response_of,
)
from attribution.causal.estimators.response_contributions import (
    change_at,
    contributions_of,
    robustness_value,
)
from attribution.causal.estimators.response_model import carried_over, fit_response
from attribution.causal.panel import panel_of
from attribution.studies.asked import Asked, Registered
from attribution.studies.rows import rows_of_attempt
from benchmarks.simulated_drivers import (
    COEFFICIENTS,
    LAUNCH,
    NAMES,
    simulate_response,
)
from tests.attribution.studies_for_tests import START, frame_of, plan_of

if TYPE_CHECKING:
    import pandas as pd

KINDS = dict(zip(NAMES, ("ai", "price", "ux", "inventory"), strict=True))
DAYS = 365


def driver(name: str, **changes: Any) -> dict[str, Any]:
    return {"name": name, "column": f"{name}_index", "kind": KINDS[name]} | changes


def study(
    world: str = "autocorrelated", seed: int = 1, **changes: Any
) -> tuple[pd.DataFrame, Plan]:
    series = simulate_response(world, np.random.default_rng(seed))
    names = NAMES[: series.drivers.shape[1]]
    columns = {f"{name}_index": series.drivers[:, i] for i, name in enumerate(names)}
    declared = {"drivers": [driver(name) for name in names]} | changes
    return frame_of(series.outcome, **columns), plan_of(DAYS, LAUNCH, **declared)


@pytest.fixture(scope="module")
def found() -> Estimate:
    result = estimate(*study())
    assert isinstance(result, Estimate), result
    return result


def test_what_adoption_added_lies_in_its_interval(found: Estimate) -> None:
    series = simulate_response("autocorrelated", np.random.default_rng(1))
    truth = COEFFICIENTS[0] * series.drivers[LAUNCH:, 0].sum()
    low, high = found.effect.interval(0.99)
    assert low < truth < high
    assert found.design == "adoption_response"
    assert found.grade == "D"
    assert "adoption_response" in found.design_log[-1]


def test_contributions_sum_to_the_change_in_every_draw(found: Estimate) -> None:
    frame, _ = study()
    outcome = frame["outcome"].to_numpy()
    change = outcome[LAUNCH:].mean() - outcome[:LAUNCH].mean()
    parts = found.decomposition
    assert parts is not None
    assert np.abs(parts.draws[:, :-1].sum(axis=1) - change).max() < 1e-9
    assert np.abs(parts.draws[:, -1] - change).max() < 1e-9
    table = found.contributions
    assert table is not None
    assert table["factor"].tolist() == [
        *NAMES,
        "season",
        "drift",
        "not explained",
        "total",
    ]
    assert table["contribution"].iloc[:-1].sum() == pytest.approx(change, abs=1e-9)
    # Adoption was zero before, so its bar is the average effect.
    own = table.iloc[0]
    assert own["contribution"] == pytest.approx(found.average.point, rel=1e-6)
    ends = found.average.interval(0.9)
    bar = (own["contribution_low_90"], own["contribution_high_90"])
    assert bar == pytest.approx(ends, rel=1e-6)


def test_the_tables_of_a_study_have_its_contributions_and_unknown_is_null(
    found: Estimate,
) -> None:
    frame, plan = study()
    asked = Asked(plan, Registered("EXPLORATORY"), 0, START + timedelta(days=364), "1")
    rows = rows_of_attempt(asked, Attempt(found, panel_of(frame, plan), found.design))
    table = rows["attribution_contributions"].to_pylist()
    assert [row["factor_order"] for row in table] == list(range(1, 9))
    *parts, total = (row["contribution"] for row in table)
    assert sum(parts) == pytest.approx(total)
    assert {row["unit"] for row in table} == {"tickets"}
    known = {row["factor"] for row in table if row["robustness_value"] is not None}
    assert known == set(NAMES)


def test_glsar_of_statsmodels_says_nearly_the_same(found: Estimate) -> None:
    low, high = found.effect.interval(0.9)
    assert abs(found.second_opinion["GLSAR"] - found.effect.point) < (high - low) / 2


def test_an_interval_leaves_out_zero_exactly_when_p_is_small(found: Estimate) -> None:
    for level in (0.5, 0.8, 0.9, 0.95, 0.99):
        low, high = found.effect.interval(level)
        assert (low > 0 or high < 0) == (found.effect.p_value < 1 - level)


def test_the_robustness_value_is_that_of_its_authors() -> None:
    """Cinelli and Hazlett 2020, table 1: t 4.18 with 783 degrees make 13.9 %."""
    assert robustness_value(4.184, 783.0) == pytest.approx(0.139, abs=5e-4)
    assert robustness_value(0.0, 100.0) == 0.0


def test_carry_over_is_a_sum_that_fades() -> None:
    """Half of one day's pulse stays, then a quarter: by hand."""
    pulse = np.array([0.0, 0.0, 1.0, 0.0, 0.0])
    assert carried_over(pulse, 0.5).tolist() == [0.0, 0.0, 0.5, 0.25, 0.125]
    assert carried_over(np.full(4, 3.0), 0.6).tolist() == pytest.approx([3.0] * 4)


def test_carry_over_is_averaged_by_evidence_and_the_true_way_gets_most() -> None:
    """Each day's stock works 0.6 into the next: the data know which of three it is."""
    rng = np.random.default_rng(4)
    driver_values = rng.normal(0.0, 1.0, 300)
    outcome = 50.0 + 4.0 * carried_over(driver_values, 0.6) + rng.normal(0.0, 0.5, 300)
    fitted = fit_response(
        outcome,
        [carried_over(driver_values, part)[:, None] for part in (0.0, 0.3, 0.6)],
        rng,
    )
    assert fitted.weights.sum() == pytest.approx(1.0)
    assert fitted.weights[2] > 0.99
    mean, sd = fitted.mean_and_sd([np.eye(len(fitted.members[0].scales))[0]] * 3)
    assert abs(mean - 4.0) < 3.0 * sd


def average_of(frame: pd.DataFrame, plan: Plan) -> np.ndarray:
    result = estimate(frame, plan)
    assert isinstance(result, Estimate), result
    return np.array([*result.average.interval(0.9), result.average.point])


def test_other_units_names_and_orders_give_the_same_answer(found: Estimate) -> None:
    frame, plan = study()
    usual = np.array([*found.average.interval(0.9), found.average.point])
    scaled = frame.assign(
        outcome=frame["outcome"] * 1e6, adoption_index=frame["adoption_index"] * 1e-3
    )
    assert average_of(scaled, plan) == pytest.approx(usual * 1e6, rel=1e-6)
    shuffled = frame.sample(frac=1.0, random_state=3)
    assert average_of(shuffled, plan).tolist() == usual.tolist()
    shifted = frame.assign(outcome=frame["outcome"] + 500.0)
    assert average_of(shifted, plan) == pytest.approx(usual, rel=1e-6)
    renamed = frame.assign(unit="another")
    assert average_of(renamed, plan).tolist() == usual.tolist()


def test_drivers_that_moved_together_are_one_bar_or_a_refusal() -> None:
    """A release that came with adoption, share for share: only the sum is known."""
    frame, plan = study()
    twin = frame["adoption_index"] * 0.5 + np.random.default_rng(0).normal(
        0, 1e-3, DAYS
    )
    frame = frame.assign(release_index=twin)
    refused = estimate(frame, plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "drivers_collinear"
    assert "adoption, release moved together" in refused.message
    joint = estimate(frame, plan.model_copy(update={"claim": "joint"}))
    assert isinstance(joint, Estimate)
    assert joint.contributions is not None
    bars = joint.contributions.set_index("factor")["kind"]
    assert bars["adoption and release"] == "joint"
    assert "joint claim" in " ".join(joint.notes)
    series = simulate_response("autocorrelated", np.random.default_rng(1))
    truth = COEFFICIENTS[0] * series.drivers[LAUNCH:, 0].sum()
    # What really came of the release is still there, unexplained by a column.
    low, high = joint.effect.interval(0.99)
    assert low - 2.5 * (DAYS - LAUNCH) < truth < high + 2.5 * (DAYS - LAUNCH)


def test_twins_that_are_not_the_feature_do_not_refuse_it() -> None:
    frame, plan = study()
    noise = np.random.default_rng(0).normal(0, 1e-3, DAYS)
    twin = frame.assign(release_index=frame["price_index"] * 2.0 + noise)
    result = estimate(twin, plan)
    assert isinstance(result, Estimate)
    assert result.contributions is not None
    kinds = result.contributions.set_index("factor")["kind"]
    assert kinds["price and release"] == "joint"
    assert kinds["adoption"] == "driver"
    assert next(c.status for c in result.checks if c.name == "collinearity") == "fail"


def test_an_exposure_that_follows_the_outcome_is_refused() -> None:
    """Whoever sells more buys more seats a fortnight later."""
    rng = np.random.default_rng(5)
    demand = np.convolve(rng.normal(0.0, 1.0, DAYS + 40), np.ones(10), "valid")
    outcome = 100.0 + 2.0 * demand[20 : 20 + DAYS] + rng.normal(0.0, 0.5, DAYS)
    seats = 10.0 + demand[6 : 6 + DAYS]
    frame = frame_of(
        outcome, adoption_index=seats, price_index=rng.normal(1, 0.1, DAYS)
    )
    plan = plan_of(DAYS, LAUNCH, drivers=[driver("adoption"), driver("price")])
    refused = estimate(frame, plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "reverse_causality"


def test_a_baseline_below_zero_is_refused() -> None:
    """The outcome is made by the driver at more than its own size."""
    rng = np.random.default_rng(6)
    seats = np.concatenate([np.full(LAUNCH, 1.0), np.linspace(1.0, 3.0, DAYS - LAUNCH)])
    seats = seats + rng.normal(0.0, 0.2, DAYS)
    outcome = 10.0 * seats - 8.0 + rng.normal(0.0, 0.2, DAYS)
    frame = frame_of(np.maximum(outcome, 0.01), adoption_index=seats)
    plan = plan_of(DAYS, LAUNCH, drivers=[driver("adoption", baseline=0.0)])
    refused = estimate(frame, plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "baseline_negative"
    allowed = plan.model_copy(update={"may_be_negative": True})
    assert isinstance(estimate(frame, allowed), Estimate)


@pytest.mark.parametrize(
    ("change", "declared", "code", "said"),
    [
        ({"adoption_index": 0.0}, {}, "driver_constant", "adoption"),
        ({"price_index": 1.0}, {}, "driver_constant", "price"),
        ({"stock_index": np.nan}, {}, "panel_has_gaps", "stock_index"),
        ({}, {"scale": "multiplicative"}, "plan_not_supported", "additive"),
        (
            {},
            {"drivers": [driver(n, carry_over=(0.0, 0.2, 0.4, 0.6)) for n in NAMES]},
            "plan_not_supported",
            "256 ways",
        ),
    ],
)
def test_what_cannot_be_answered_is_refused(
    change: dict[str, Any], declared: dict[str, Any], code: str, said: str
) -> None:
    frame, plan = study(**declared)
    refused = estimate(frame.assign(**change), plan)
    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert said in refused.message


def test_fifty_days_are_too_few() -> None:
    frame, plan = study()
    window = {"start": START + timedelta(days=90), "end": START + timedelta(days=140)}
    short = Plan.model_validate(plan.model_dump() | {"window": window})
    refused = estimate(frame, short)
    assert isinstance(refused, Refusal)
    assert (refused.code, refused.evidence["periods"]) == ("pre_period_too_short", 50)


def experiment(effect: float) -> dict[str, Any]:
    return {"source": "trial", "effect_per_unit": effect, "standard_error": 0.4}


def test_an_experiment_that_agrees_narrows_the_answer_and_makes_it_grade_c(
    found: Estimate,
) -> None:
    own = driver("adoption", experiment=experiment(8.2))
    frame, plan = study(drivers=[own, *(driver(name) for name in NAMES[1:])])
    held = estimate(frame, plan, is_registered=True)
    assert isinstance(held, Estimate)
    wide, narrow = (
        high - low for low, high in (one.effect.interval(0.9) for one in (found, held))
    )
    assert narrow < 0.7 * wide
    assert held.grading is not None
    assert held.grading.reasons[0] == "adoption_response is C at best."
    assert any("held to trial" in note for note in held.notes)


def test_an_experiment_that_contradicts_the_series_is_shown_and_not_averaged(
    found: Estimate,
) -> None:
    own = driver("adoption", experiment=experiment(60.0))
    frame, plan = study(drivers=[own, *(driver(name) for name in NAMES[1:])])
    result = estimate(frame, plan)
    assert isinstance(result, Estimate)
    assert result.effect.point == pytest.approx(found.effect.point, rel=0.02)
    assert result.grade == "D"
    assert any("contradict" in note for note in result.notes)


def test_ninety_percent_of_a_year_of_drivers_hold_nine_times_of_ten() -> None:
    """24 series: nine tenths of honest intervals hold 16 or more in 999 of 1000."""
    held = 0
    for seed in range(24):
        series = simulate_response("autocorrelated", np.random.default_rng([seed, 9]))
        rng = np.random.default_rng(seed)
        fitted = fit_response(series.outcome, [series.drivers], rng, draws=300)
        multiples = change_at(series.outcome, LAUNCH)
        loading = np.zeros(len(fitted.members[0].scales))
        loading[0] = multiples @ series.drivers[:, 0]
        low, high = fitted.total([loading]).interval(0.9)
        held += low < series.truth(multiples) < high
    assert held >= 16


def test_the_pieces_are_one_model() -> None:
    """Effect, loadings and contributions, from the same draws of the coefficients."""
    frame, plan = study()
    response = response_of(panel_of(frame, plan), plan)
    fitted = fit_response(
        response.outcome, response.variants, np.random.default_rng(0), draws=300
    )
    columns = response.feature
    loadings = effect_loadings(response, fitted, columns)
    coefficients, model = fitted.drawn(loadings, np.random.default_rng(1), 500)
    effect = effect_of(response, fitted, columns, coefficients, model)
    assert effect.draws == pytest.approx(coefficients @ loadings[0])
    exact = fitted.total(loadings)
    assert effect.interval(0.9) == pytest.approx(exact.interval(0.9), rel=2e-2)
    assert abs(glsar_total(response, fitted, loadings) - exact.mean) < 2 * exact.sd
    parts = contributions_of(
        fitted,
        response.names,
        (coefficients, model),
        change_at(response.outcome, LAUNCH),
        joint=(),
        unit="tickets",
    )
    assert parts.draws[:, 0] == pytest.approx(effect.draws / (DAYS - LAUNCH))
