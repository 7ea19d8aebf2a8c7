"""Findings in series whose disturbances are known, and causes worked out by hand."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest

from attribution.costs.anomalies.detection import (
    Finding,
    judged,
    judged_together,
    told_of,
)
from attribution.costs.anomalies.drivers import Item, likely_driver
from attribution.costs.anomalies.expectation import Expectation, Past, _qn, expect
from attribution.costs.anomalies.model_parts import ModelPart
from attribution.costs.anomalies.series import CostSeries
from attribution.costs.cost_anomalies import Anomaly, anomalies_of
from benchmarks.cost_alarms import false_alarms, recall
from benchmarks.cost_worlds import ORDINARY_WORLDS

MONDAY = date(2026, 1, 5)
WEEK = np.array([10.0, 11.0, 12.0, 13.0, 14.0, 5.0, 4.0])


def weeks(count: int, seed: int = 0, noise: float = 0.03) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.resize(WEEK, count * 7) * np.exp(rng.normal(0.0, noise, count * 7))


def found(
    values: np.ndarray, least: float = 1.0, *, new: bool = False
) -> list[Finding]:
    return told_of(
        judged(values, MONDAY),
        least_excess=np.full(len(values), least),
        alarms_when_new=new,
    )


def days_of(findings: list[Finding]) -> list[tuple[int, int]]:
    return [(one.first, one.last) for one in findings]


def test_a_level_a_trend_and_a_week_are_carried_forward() -> None:
    # Twelve weeks that grow by 0.1 a week from 10, times the week: the next is 11.2.
    profile = WEEK / np.median(WEEK)
    values = np.concatenate([profile * (10.0 + 0.1 * week) for week in range(12)])
    [expected] = expect([Past(values, np.ones(84, dtype=bool), 0, 84)])
    assert expected is not None
    assert expected.days == pytest.approx(profile * 11.2)


def test_days_of_which_too_little_was_known_have_no_most_that_is_usual() -> None:
    # The second week follows one week only, which is too little to judge it by.
    days = [0.0, 0, 0, 0, 14, 36, 0, 0, 0, 8, 0, 0, 9, 48, 34]
    [finding] = judged(np.array(days), MONDAY).findings()
    assert (finding.first, finding.last, finding.actual) == (13, 14, 82.0)
    assert finding.high is None


def test_a_week_gone_wrong_and_a_wild_day_move_no_expectation() -> None:
    values = np.resize(WEEK, 84)
    values[70:77] *= 1.5
    values[40] = 500.0
    [expected] = expect([Past(values, np.ones(84, dtype=bool), 0, 84)])
    assert expected is not None
    assert expected.days == pytest.approx(WEEK, rel=1e-9)


def test_a_weekend_that_was_seen_twice_is_not_taken_for_a_working_day() -> None:
    values = np.resize([10.0, 10.0, 10.0, 10.0, 10.0, 1.0, 1.0], 21)
    judgement = judged(values, MONDAY)
    assert not judgement.direction.any()
    assert judgement.taught.all()


@pytest.mark.parametrize("count", [2, 3, 14, 41, 42])
def test_the_spread_is_that_of_statsmodels_bit_by_bit(count: int) -> None:
    from statsmodels.robust.scale import qn_scale

    rng = np.random.default_rng(count)
    for values in (rng.normal(size=count), rng.integers(0, 3, count) / 10):
        assert _qn(values) == qn_scale(values)


def test_thirteen_days_are_not_enough_to_expect_anything() -> None:
    values = weeks(3)
    usual = np.ones(21, dtype=bool)
    [enough, too_few] = expect([Past(values, usual, 0, 14), Past(values, usual, 1, 14)])
    assert enough is not None
    assert too_few is None


def test_a_day_that_costs_twice_is_found_alone_and_teaches_nothing() -> None:
    values = weeks(20)
    values[80] *= 2.0
    values[87] *= 2.0
    assert days_of(found(values)) == [(80, 80), (87, 87)]


def test_a_finding_is_measured_against_what_its_days_usually_cost() -> None:
    values = np.resize(WEEK, 140)
    values[84:87] += 6.0  # Monday to Wednesday: 33 expected, 51 came.
    (finding,) = found(values)
    assert days_of([finding]) == [(84, 86)]
    assert finding.expected == pytest.approx(33.0)
    assert finding.actual == pytest.approx(51.0)
    assert finding.excess == pytest.approx(18.0)
    # No spread at all: the least that alarms is 15 % above.
    assert finding.high == pytest.approx(1.15 * 33.0)


def test_many_days_of_a_small_rise_are_found_together() -> None:
    values = weeks(20)
    values[84:] *= 1.13
    (finding,) = found(values)
    assert finding.first == 84
    assert finding.is_settled


def test_what_has_lasted_two_weeks_is_how_things_are() -> None:
    values = weeks(30)
    values[84:] *= 1.5
    assert days_of(found(values)) == [(84, 97)]


def test_a_fall_to_half_is_no_alarm_and_what_follows_it_neither() -> None:
    values = weeks(30)
    values[84:] *= 0.5
    assert found(values) == []


def test_a_fall_to_nothing_is_found_with_what_was_expected() -> None:
    values = np.resize(WEEK, 140)
    values[84:] = 0.0
    (finding,) = found(values[:87])
    assert (finding.first, finding.last, finding.is_fall) == (84, 86, True)
    # Monday to Wednesday: 33 expected, nothing came.
    assert finding.excess == pytest.approx(-33.0)
    assert not finding.is_settled
    (lasting,) = found(values)
    assert (lasting.first, lasting.last) == (84, 97)
    assert lasting.is_settled


def test_pauses_as_long_as_ever_before_are_no_fall() -> None:
    # No cost at weekends: only the eighth day in a row is more than a long weekend.
    values = np.resize([10.0, 10.0, 10.0, 10.0, 10.0, 0.0, 0.0], 140)
    values[84:] = 0.0
    # Saturday and Sunday before are part of the pause: seven days are 3 + 2 × 2.
    assert found(values[:88]) == []
    (finding,) = found(values[:89])
    assert (finding.first, finding.last) == (82, 88)


def test_steady_growth_is_no_anomaly() -> None:
    values = weeks(30) * np.repeat(1.02 ** np.arange(30), 7)
    assert found(values) == []


def test_a_monthly_fee_surprises_once() -> None:
    values = weeks(26)
    firsts = [(date(2026, month, 1) - MONDAY).days for month in range(3, 7)]
    values[firsts] += 20.0
    assert days_of(found(values)) == [(firsts[0], firsts[0])]
    values[firsts[2]] += 40.0  # 60 instead of 20
    assert days_of(found(values)) == [(day, day) for day in (firsts[0], firsts[2])]


def test_an_old_finding_does_not_change_when_days_are_added() -> None:
    values = weeks(30, seed=4)
    values[100:104] *= 1.6
    values[150:] *= 1.3
    whole = found(values)
    for size in (140, 147, 148, 200):
        settled = [one for one in whole if one.last < size - 14]
        assert found(values[:size])[: len(settled)] == settled


@pytest.mark.parametrize("first_day", [MONDAY, date(2026, 1, 8)])
@pytest.mark.parametrize("seed", range(8))
def test_weeks_before_the_first_day_that_differs_stand_and_the_rest_is_as_if_all_anew(
    first_day: date, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    values = weeks(26, seed)
    for _ in range(4):
        start = int(rng.integers(20, 170))
        values[start : start + int(rng.integers(1, 30))] *= rng.choice([0.4, 1.8])
    before = judged(values[: int(rng.integers(60, 182))], first_day)
    changed = values.copy()
    changed[int(rng.integers(0, 182))] *= 3.0
    for after in (values, changed, changed[:90]):
        kept, anew = judged(after, first_day, before), judged(after, first_day)
        assert repr(kept.findings()) == repr(anew.findings())
        for name in ("expected", "high", "direction", "taught"):
            assert np.array_equal(
                getattr(kept, name), getattr(anew, name), equal_nan=True
            )
        assert kept.settled == anew.settled


def test_series_are_judged_together_as_each_alone_bit_by_bit() -> None:
    rng = np.random.default_rng(3)
    series = []
    for length in (6, 20, 47, 91, 130, 160, 161, 180):
        values = np.resize(WEEK, length) * np.exp(rng.normal(0.0, 0.1, length))
        values[int(rng.integers(length)) :][: int(rng.integers(40))] *= rng.choice(
            [0.0, 1.4, 5.0]
        )
        begins = MONDAY + timedelta(days=int(rng.integers(40)))
        # Of some it is known what was judged before their last two weeks.
        before = judged(values[:-14], begins) if length % 2 else None
        series.append((values, begins, before))
    assert any(judged(*one).direction.any() for one in series)
    for one, together in zip(series, judged_together(series), strict=True):
        alone = judged(*one)
        for name in ("expected", "high", "direction", "taught"):
            assert getattr(alone, name).tobytes() == getattr(together, name).tobytes()
        assert (alone.settled, alone.together) == (together.settled, together.together)


def test_a_new_day_is_judged_with_its_own_week_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    values = weeks(30)
    before = judged(values[:-3], MONDAY)
    asked: list[int] = []

    def watched(pasts: list[Past]) -> list[Expectation | None]:
        asked.extend(past.start for past in pasts)
        return expect(pasts)

    monkeypatch.setattr("attribution.costs.anomalies.detection.expect", watched)
    judged(values, MONDAY, before)
    assert asked == [29 * 7]


def test_what_is_too_little_to_care_about_is_left_out() -> None:
    values = weeks(20)
    values[80] += 10.0
    assert len(found(values, least=9.0)) == 1
    assert found(values, least=11.0) == []


def test_a_service_that_begins_late_is_new_with_all_that_it_costs() -> None:
    (finding,) = found(np.resize(WEEK, 28), new=True)
    assert (finding.first, finding.last, finding.is_new) == (0, 13, True)
    assert finding.excess == pytest.approx(2 * WEEK.sum())


def test_what_stood_out_several_times_is_ordinary_and_twice_as_much_is_not() -> None:
    values = weeks(40)
    jobs = [90, 117, 139, 166, 190]
    values[jobs] += 30.0
    # The fourth has three before it; a fifth of three times their size has none.
    assert days_of(found(values))[:3] == [(day, day) for day in jobs[:3]]
    assert len(found(values)) == 3
    values[212] += 90.0
    assert days_of(found(values))[-1] == (212, 212)


@pytest.mark.parametrize("slip", [-1, 0, 1])
def test_a_batch_at_the_end_of_a_month_surprises_once(slip: int) -> None:
    values = weeks(26)
    ends = [
        (date(2026, month, 1) - MONDAY).days - 1 + slip * (month == 6)
        for month in range(4, 8)
    ]
    values[ends] += 20.0
    assert days_of(found(values)) == [(ends[0], ends[0])]


def test_three_days_that_are_each_within_noise_alarm_together() -> None:
    values = weeks(30, seed=2, noise=0.06)
    values[143:146] *= 1.25  # Wednesday to Friday
    (finding,) = found(values)
    assert finding.first <= 144
    assert finding.last >= 144


def test_days_together_begin_in_the_week_before() -> None:
    values = np.resize(WEEK, 140)
    values[102:106] *= 1.14  # Friday to Monday, none of which alarms alone
    (finding,) = found(values)
    assert (finding.first, finding.last) == (102, 105)


# Known worlds, in which nothing or one thing was planted


def test_what_is_planted_is_found_and_what_is_ordinary_is_not() -> None:
    seeds = range(12)
    assert recall("+25 % for three days", seeds) >= 9 / 12
    assert recall("+15 % that lasts", seeds) >= 8 / 12
    assert recall("falls to zero", seeds) == 1.0
    for world in ("month-end batches", "sporadic jobs", "growth 5 % a month"):
        assert false_alarms(world, range(6)) <= 1.5


@pytest.mark.full
@pytest.mark.parametrize(
    ("world", "least"),
    [("+25 % for three days", 0.9), ("+15 % that lasts", 0.8), ("falls to zero", 1.0)],
)
def test_as_much_is_found_as_is_promised(world: str, least: float) -> None:
    assert recall(world, range(400)) >= least


@pytest.mark.full
@pytest.mark.parametrize("world", list(ORDINARY_WORLDS)[:6])
def test_ordinary_patterns_alarm_at_most_once_a_model_and_year(world: str) -> None:
    assert false_alarms(world, range(200)) <= 1.0


def test_noise_alone_alarms_less_than_once_in_a_quarter_and_series() -> None:
    count = sum(len(found(weeks(52, seed, noise=0.06))) for seed in range(40))
    assert count / (40 * 4) <= 0.05


def series(kind: str, values: np.ndarray, begins: int = 0) -> CostSeries:
    model, source = (kind, None) if kind != "service" else (None, "aws")
    first = date.fromordinal(MONDAY.toordinal() + begins)
    return CostSeries("EUR", model, source, source and "EC2", first, values)


def anomalies(of: list[CostSeries]) -> list[Anomaly]:
    return anomalies_of(of, [judged(one.values, one.first_day) for one in of])


def test_what_counts_depends_on_the_whole_spend_before_it() -> None:
    # The whole spend is 100 a day, so 3 are the least that is told.
    whole = series("big", np.full(140, 90.0))
    small = np.full(140, 10.0)
    small[100] += 2.9
    small[120] += 3.1
    (one,) = anomalies([whole, series("small", small)])
    assert (one.series.model_id, one.finding.first) == ("small", 120)


def test_a_new_model_is_no_anomaly_but_a_new_service_is() -> None:
    whole = series("big", np.full(140, 90.0))
    model = series("new", np.full(70, 10.0), begins=70)
    service = series("service", np.full(70, 10.0), begins=70)
    (one,) = anomalies([whole, model, service])
    assert (one.series.kind, one.finding.is_new) == ("service", True)


def item(
    sku: str, before: float, now: float, q0: float | None, q1: float | None,
    resource: str | None = "r",
) -> Item:  # fmt: skip
    return Item(sku, "h", resource, before, now, q0, q1)


def test_a_dearer_unit_is_a_price() -> None:
    # 10 h at 2, then 11 h at 3: 11 (3 - 2) for the price, 1 (2) for the volume.
    driver = likely_driver([item("node", 20.0, 33.0, 10.0, 11.0)], 13.0)
    assert (driver.name, driver.subject) == ("price", "node")
    assert driver.price_excess == pytest.approx(11.0)
    assert driver.volume_excess == pytest.approx(2.0)
    assert (driver.prior_unit_price, driver.unit_price) == (2.0, 3.0)


def test_more_of_the_same_is_a_volume() -> None:
    items = [item("node", 20.0, 60.0, 10.0, 30.0), item("disk", 5.0, 5.0, 1.0, 1.0)]
    driver = likely_driver(items, 40.0)
    assert (driver.name, driver.subject) == ("volume", "node")
    assert driver.volume_excess == pytest.approx(40.0)
    assert (driver.prior_quantity, driver.quantity) == (10.0, 30.0)


def test_a_resource_without_a_past_is_new() -> None:
    items = [
        item("node", 20.0, 20.0, 10.0, 10.0, "old"),
        item("node", 0.0, 14.0, None, 7.0, "fresh"),
    ]
    driver = likely_driver(items, 14.0)
    assert (driver.name, driver.subject) == ("new_resource", "fresh")
    assert driver.new_resource_excess == pytest.approx(14.0)
    assert driver.volume_excess == pytest.approx(0.0)
    assert driver.new_resource_count == 1


def test_pods_that_replace_each_other_are_not_new() -> None:
    # Every day has pods of its own; twice as many of them is a volume.
    items = [
        item("pod", 10.0, 0.0, 5.0, None, "monday"),
        item("pod", 10.0, 0.0, 5.0, None, "tuesday"),
        item("pod", 0.0, 20.0, None, 10.0, "wednesday"),
    ]
    assert likely_driver(items, 5.0).new_resource_excess == 0.0
    more = [*items, item("pod", 20.0, 60.0, 10.0, 30.0, "steady")]
    assert likely_driver(more, 40.0).name == "volume"


def test_a_bill_without_quantities_leaves_the_cause_unknown() -> None:
    driver = likely_driver([item("tokens", 20.0, 60.0, None, None)], 40.0)
    assert driver.name == "unknown"
    assert driver.subject is None


def test_causes_that_carry_too_little_are_not_likely() -> None:
    driver = likely_driver([item("node", 20.0, 23.0, 10.0, 11.5)], 10.0)
    assert driver.name == "unknown"
    assert driver.volume_excess == pytest.approx(3.0)
    assert likely_driver([], 10.0).name == "unknown"


def test_a_dearer_pool_is_told_from_a_greater_share_of_it() -> None:
    # Half of a pool of 100 that costs 160: all 30 by the pool.
    assert ModelPart("p", 50.0, 80.0, 100.0, 160.0).is_of_the_pool
    # Of a pool that costs the same, 80 instead of 50.
    assert not ModelPart("p", 50.0, 80.0, 100.0, 100.0).is_of_the_pool
