"""Minutes taken out of a counted process: volume and mix are no savings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

from attribution import Estimate, Refusal, estimate
from attribution.causal.effect import Effect
from attribution.causal.estimators.automation_savings import Counts, contributions_of
from tests.attribution.studies_for_tests import START, plan_of

if TYPE_CHECKING:
    from attribution.causal.plan import Plan

DAYS, LAUNCH = 270, 240
PART, MINUTES = 0.71, 6.5


def documents(
    seed: int = 0,
    *,
    unit: str = "company",
    part: float = PART,
    minutes: float = MINUTES,
    growth: float = 1.0,
    launch: int = LAUNCH,
) -> pd.DataFrame:
    """Return documents of working days, a part of which nobody handles from then on."""
    rng = np.random.default_rng(seed)
    dates = pd.date_range(START, periods=DAYS)
    after = np.arange(DAYS) >= launch
    volume = rng.poisson(np.where(after, 1150.0 * growth, 1150.0))
    automated = np.where(after, rng.binomial(volume, part), 0)
    each = minutes * (1.0 + rng.normal(0.0, 0.03, DAYS))
    handled = (volume - automated) * each
    frame = pd.DataFrame(
        {
            "unit": unit,
            "date": dates,
            "outcome": handled / volume,
            "volume": volume,
            "automated_volume": automated,
            "handling_minutes": handled,
        }
    )
    working: pd.DataFrame = frame[frame["date"].dt.day_of_week < 5]
    return working


def process_plan(**changes: Any) -> Plan:
    declared = {"outcome": "invoices", "outcome_unit": "minutes", "process": {}}
    return plan_of(DAYS, LAUNCH, **(declared | changes))


def estimated(frame: pd.DataFrame, plan: Plan, **options: Any) -> Estimate:
    found = estimate(frame, plan, **options)
    assert isinstance(found, Estimate), found
    return found


def after_launch(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.loc[frame["date"] >= pd.Timestamp(START) + pd.Timedelta(days=LAUNCH)]


@pytest.fixture(scope="module")
def found() -> Estimate:
    return estimated(documents(), process_plan(process={"cash_share": 0.25}))


def test_what_automated_documents_would_have_taken_is_what_was_saved(
    found: Estimate,
) -> None:
    truth = MINUTES * after_launch(documents())["automated_volume"].sum()
    low, high = found.effect.interval(0.9)
    assert low < -truth < high
    assert high < 0
    assert (high - low) < 0.05 * truth
    assert found.design == "automation_savings"
    assert found.diagnostics["minutes_saved"] == -found.effect.point
    # By hand: 71 % of documents, 6.5 minutes each.
    assert found.diagnostics["automated_share"] == pytest.approx(PART, abs=0.01)
    assert found.average.point == pytest.approx(-PART * MINUTES, rel=0.02)
    assert "Per document" in found.report()


def test_a_quarter_of_the_hours_is_cash_and_the_rest_capacity(found: Estimate) -> None:
    hours = -found.effect.point / 60.0
    assert found.diagnostics["cash_hours"] == pytest.approx(0.25 * hours)
    assert found.diagnostics["released_capacity_hours"] == pytest.approx(0.75 * hours)


def test_weekends_are_no_gaps_and_the_week_has_five_days(found: Estimate) -> None:
    assert len(found.dates) == 22  # 30 days from a Wednesday, eight at weekends
    assert {day.day_of_week for day in found.dates} == {0, 1, 2, 3, 4}
    assert found.observed.sum() == pytest.approx(
        after_launch(documents())["handling_minutes"].sum()
    )


def test_the_counterfactual_is_what_would_have_been_handled(found: Estimate) -> None:
    without = found.observed.sum() - found.effect.point
    volume = after_launch(documents())["volume"].sum()
    assert without / volume == pytest.approx(MINUTES, rel=0.02)
    assert found.history is not None
    before = found.history.dropna()
    assert before["expected"].sum() == pytest.approx(before["observed"].sum(), rel=0.01)


def test_more_documents_are_not_savings_nor_losses() -> None:
    """Half as many again, none automated: minutes grow, the effect does not."""
    grown = documents(part=0.0, growth=1.5)
    found = estimated(grown, process_plan())
    low, high = found.effect.interval(0.9)
    assert low < 0 < high
    assert found.contributions is not None
    bars = found.contributions.set_index("factor")["contribution"]
    # 1150 documents a day become 1725: 575 × 6.5 minutes.
    assert bars["volume"] == pytest.approx(575 * MINUTES, rel=0.05)
    assert abs(bars["copilot"]) < 0.1 * bars["volume"]


def test_parts_sum_to_the_change_in_every_draw(found: Estimate) -> None:
    frame = documents()
    before = frame.iloc[: -len(after_launch(frame))]
    change = (
        after_launch(frame)["handling_minutes"].mean()
        - before["handling_minutes"].mean()
    )
    parts = found.decomposition
    assert parts is not None
    assert np.abs(parts.draws[:, :-1].sum(axis=1) - change).max() < 1e-9
    assert parts.unit == "minutes"


def test_a_shift_to_documents_that_take_longer_is_mix() -> None:
    """Two kinds, 2 and 10 minutes; from 50:50 to 25:75 a document takes 2 more.

    Volume stays at 100, so mix is 100 × (0.25 × 2 + 0.75 × 10 - 6) = 200 minutes.
    """
    volume = np.array([[50.0] * 4 + [25.0] * 4, [50.0] * 4 + [75.0] * 4])
    minutes = volume * np.array([[2.0], [10.0]])
    counts = Counts(volume, np.zeros_like(volume), minutes, 4)
    nothing = Effect.of(np.zeros((3, 4)))
    bars = contributions_of(nothing, counts, "reader").table.set_index("factor")
    expected = {"volume": 0.0, "mix": 200.0, "reader": 0.0, "total": 200.0}
    for name, value in expected.items():
        assert bars.loc[name, "contribution"] == pytest.approx(value)


def test_a_kind_of_document_that_is_new_is_mix_and_no_logarithm_of_zero() -> None:
    """100 of 2 minutes before; then 100 of those and 50 of 10 minutes: 500 more.

    Over all orders, volume gets half of (150-100)×2 + (150-100)×700/150, and so on:
    what is new has one rate, so none of it is a change of minutes per document.
    """
    volume = np.array([[100.0] * 4, [0.0, 0.0, 50.0, 50.0]])
    counts = Counts(
        volume, np.zeros_like(volume), volume * np.array([[2.0], [10.0]]), 2
    )
    nothing = Effect.of(np.zeros((3, 2)))
    bars = contributions_of(nothing, counts, "reader").table.set_index("factor")
    added = bars["contribution"]
    assert added["total"] == pytest.approx(500.0)
    assert added["volume"] == pytest.approx((50 * 2 + 50 * 700 / 150) / 2)
    assert added["mix"] == pytest.approx(500.0 - added["volume"])
    assert added["minutes per document, for other reasons"] == pytest.approx(0.0)


def test_offices_that_were_not_automated_stand_in_where_there_are_any() -> None:
    """Twelve offices, one automated: minutes per document go through its donors."""
    frames = [
        documents(
            seed,
            unit=f"office {seed:02d}",
            part=PART if seed == 0 else 0.0,
            minutes=6.0 + 0.1 * seed,
        )
        for seed in range(12)
    ]
    treated = frames[0].assign(
        handling_minutes=lambda f: f["handling_minutes"] * 6.55 / 6.0
    )
    frame = pd.concat([treated, *frames[1:]])
    found = estimated(frame, process_plan(treated=("office 00",)))
    assert any("synthetic_control" in note for note in found.notes)
    truth = 6.55 * after_launch(treated)["automated_volume"].sum()
    low, high = found.effect.interval(0.9)
    assert low < -truth < high
    assert found.grading is not None
    assert found.grading.reasons[0] == "automation_savings is B at best."


def test_a_day_without_documents_saves_nothing_and_is_no_gap() -> None:
    frame = documents()
    day = after_launch(frame).index[3]
    columns = ["volume", "automated_volume", "handling_minutes"]
    frame.loc[day, columns] = 0
    frame.loc[day, "outcome"] = np.nan
    found = estimated(frame, process_plan())
    at = list(found.dates).index(frame.loc[day, "date"])
    assert not found.effect.paths[:, at].any()


def test_other_orders_and_units_of_work_give_the_same_answer(found: Estimate) -> None:
    plan = process_plan(process={"cash_share": 0.25})
    shuffled = estimated(documents().sample(frac=1.0, random_state=1), plan)
    assert np.array_equal(shuffled.effect.paths, found.effect.paths)
    seconds = documents()
    seconds[["handling_minutes", "outcome"]] *= 60.0
    scaled = estimated(seconds, plan)
    assert scaled.effect.point == pytest.approx(60.0 * found.effect.point, rel=1e-6)
    for level in (0.5, 0.8, 0.9, 0.95, 0.99):
        low, high = found.effect.interval(level)
        assert (low > 0 or high < 0) == (found.effect.p_value < 1 - level)


def changed(column: str, row: int, value: float) -> pd.DataFrame:
    frame = documents().astype({"volume": float, "automated_volume": float})
    frame.loc[frame.index[row], column] = value
    return frame


@pytest.mark.parametrize(
    ("frame", "declared", "code", "said"),
    [
        (changed("volume", -3, np.nan), {}, "process_not_counted", "1 days"),
        (changed("handling_minutes", -3, np.nan), {}, "process_not_counted", "1 days"),
        (changed("automated_volume", -3, 1e6), {}, "process_not_counted", "2024-09-2"),
        (documents().assign(outcome=6.5), {}, "outcome_constant", "6.5"),
        (documents().drop(columns="volume"), {}, "panel_columns_missing", "volume"),
        (
            documents(),
            {"design": "automation_savings", "process": None},
            "plan_not_supported",
            "declare `process`",
        ),
    ],
)
def test_what_was_not_counted_is_refused(
    frame: pd.DataFrame, declared: dict[str, Any], code: str, said: str
) -> None:
    refused = estimate(frame, process_plan(**declared))
    assert isinstance(refused, Refusal)
    assert refused.code == code
    assert said in refused.message


def test_offices_that_start_on_several_dates_are_refused() -> None:
    frames = [documents(seed, unit=f"u{seed}") for seed in range(8)]
    later = str(pd.Timestamp(START) + pd.Timedelta(days=LAUNCH + 5))[:10]
    first = str(pd.Timestamp(START) + pd.Timedelta(days=LAUNCH))[:10]
    plan = process_plan(rollout={"u0": first, "u1": later})
    refused = estimate(pd.concat(frames), plan)
    assert isinstance(refused, Refusal)
    assert refused.code == "plan_not_supported"
    assert "staggered_adoption" in refused.message
