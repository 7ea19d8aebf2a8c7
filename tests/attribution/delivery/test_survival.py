"""Times to an event of which some have not come: by hand, and a published example."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.duration.survfunc import SurvfuncRight

from attribution.delivery.survival import share_by, time_to_event

if TYPE_CHECKING:
    from collections.abc import Sequence

#: Weeks of remission of patients with leukaemia (Miller, *Survival Analysis*, 1981, p.
#: 49; R's ``survival::aml``): time and whether the relapse came.
MAINTAINED = (
    (9, True), (13, True), (13, False), (18, True), (23, True), (28, False),
    (31, True), (34, True), (45, False), (48, True), (161, False),
)  # fmt: skip
NOT_MAINTAINED = (
    (5, True), (5, True), (8, True), (8, True), (12, True), (16, False), (23, True),
    (27, True), (30, True), (33, True), (43, True), (45, True),
)  # fmt: skip
Items: TypeAlias = "Sequence[tuple[float, bool]]"


def arrays(items: Items) -> tuple[np.ndarray, np.ndarray]:
    times, ended = zip(*items, strict=True)
    return np.array(times, dtype=float), np.array(ended, dtype=bool)


def product_limit(items: Items) -> list[tuple[float, Fraction]]:
    """Return the steps of the curve, exactly, as Kaplan and Meier wrote it."""
    left, curve = Fraction(1), []
    for moment in sorted({time for time, ended in items if ended}):
        at_risk = sum(time >= moment for time, _ in items)
        events = sum(time == moment and ended for time, ended in items)
        left *= Fraction(at_risk - events, at_risk)
        curve.append((moment, left))
    return curve


def median_of(curve: list[tuple[float, Fraction]]) -> float | None:
    half = Fraction(1, 2)
    for place, (moment, left) in enumerate(curve):
        if left < half:
            lies_on = place > 0 and curve[place - 1][1] == half
            return (curve[place - 1][0] + moment) / 2 if lies_on else moment
    return None


@pytest.mark.parametrize(
    ("items", "median"), [(MAINTAINED, 31.0), (NOT_MAINTAINED, 23.0)]
)
def test_medians_of_a_published_example_are_the_published_ones(
    items: Items, median: float
) -> None:
    found = time_to_event(*arrays(items))
    assert found.median == median
    assert found.item_count == len(items)
    assert found.event_count == sum(ended for _, ended in items)


def test_a_median_and_its_interval_are_those_worked_out_by_hand() -> None:
    """5/6 are left after 1, 4/6 after 2, and 4/9, less than half, after 4.

    Greenwood's sums are 1/30, 1/30 + 1/20, and 1/4 with another 1/6. On the scale of
    log(-log S) one half lies 1.334 standard errors from the first step, 0.254 from the
    third: both are within 1.645, so the interval is from 1 to the step after the third.
    """
    items = [(1, True), (2, True), (3, False), (4, True), (5, False), (6, True)]
    found = time_to_event(*arrays(items))
    assert (found.median, found.median_low, found.median_high) == (4.0, 1.0, 6.0)
    distances = [
        abs(math.log(-math.log(left)) - math.log(math.log(2)))
        / (math.sqrt(greenwood) / -math.log(left))
        for left, greenwood in ((5 / 6, 1 / 30), (4 / 9, 1 / 30 + 1 / 20 + 1 / 6))
    ]
    assert distances == pytest.approx([1.3336, 0.2545], abs=1e-3)


@pytest.mark.parametrize(
    ("times", "median"),
    [((1, 2, 3, 10, 20, 30), 6.5), ((1, 2, 3, 10, 20), 3.0), ((7,) * 6, 7.0)],
)
def test_without_anything_open_it_is_the_plain_median(
    times: tuple[float, ...], median: float
) -> None:
    found = time_to_event(*arrays([(time, True) for time in times]))
    assert found.median == median == found.median_of_ended
    assert found.median_low is not None
    assert found.median_low <= median


def test_a_median_that_most_still_wait_for_is_not_reached() -> None:
    items = [(1, True), (2, True), *[(900, False)] * 8]
    found = time_to_event(*arrays(items))
    assert (found.median, found.median_high, found.longest) == (None, None, 900)
    assert found.median_of_ended is None  # two are no median either


def test_a_curve_that_stays_on_one_half_has_no_median_yet() -> None:
    items = [(1, True), (2, True), (3, True), (4, False), (5, False), (6, False)]
    assert time_to_event(*arrays(items)).median is None


def test_nothing_that_has_ended_and_too_few_have_no_median() -> None:
    none_ended = time_to_event(*arrays([(time, False) for time in range(1, 9)]))
    assert (none_ended.median, none_ended.median_low) == (None, None)
    few = time_to_event(*arrays([(1, True), (2, True), (3, True), (4, True)]))
    assert (few.median, few.median_of_ended, few.event_count) == (None, None, 4)


def test_what_waits_longer_than_all_that_ended_moves_the_median_up() -> None:
    """Five took 1 to 5; of ten that are open at 6 at least the median is later."""
    ended = [(time, True) for time in (1, 2, 3, 4, 5)]
    found = time_to_event(*arrays([*ended, *[(6, False)] * 4]))
    assert found.median_of_ended == 3
    assert found.median == 5


@given(
    st.lists(
        st.tuples(st.integers(0, 30).map(float), st.booleans()), min_size=5, max_size=40
    )
)
def test_the_median_is_that_of_exact_fractions(items: list[tuple[float, bool]]) -> None:
    found = time_to_event(*arrays(items))
    assert found.median == median_of(product_limit(items))
    if found.median is not None and found.median_low is not None:
        assert found.median_low <= found.median
    if found.median is not None and found.median_high is not None:
        assert found.median_high >= found.median


@given(
    st.lists(
        st.tuples(st.integers(0, 60).map(float), st.booleans() | st.just(True)),
        min_size=5,
        max_size=60,
    )
)
def test_intervals_and_shares_are_those_of_statsmodels(
    items: list[tuple[float, bool]],
) -> None:
    times, has_ended = arrays(items)
    found = time_to_event(times, has_ended)
    curve = SurvfuncRight(times, has_ended.astype(int))
    if not len(curve.surv_times):
        return
    with np.errstate(all="ignore"):
        low, high = curve.quantile_ci(0.5, alpha=0.1, method="cloglog")
    if math.isnan(low):  # one step leads past both bounds
        low = high = found.median
    if low is not None and high is not None:
        assert found.median_low == low
        assert found.median_high == (high if math.isfinite(high) else None)
    share = share_by(times, has_ended, 30).share
    if share is not None and share_by(times, has_ended, 30).followed_count < len(items):
        place = np.searchsorted(curve.surv_times, 30, side="right") - 1
        assert share == (1 - curve.surv_prob[place] if place >= 0 else 0)


def test_a_share_of_what_all_were_followed_for_is_a_plain_one() -> None:
    """3 of 10, and Wilson's interval by its formula."""
    items = [(5, True), (8, True), (30, True), *[(30, False)] * 7]
    found = share_by(*arrays(items), 30)
    z = 1.6448536269514722
    centre = (0.3 + z * z / 20) / (1 + z * z / 10)
    half = z * math.sqrt(0.3 * 0.7 / 10 + z * z / 400) / (1 + z * z / 10)
    assert (found.event_count, found.followed_count, found.share) == (3, 10, 0.3)
    assert (found.low, found.high) == pytest.approx((centre - half, centre + half))


def test_a_share_of_what_is_not_over_counts_items_while_they_were_seen() -> None:
    """Within 30 weeks: 1 - 10/11 x 9/10 x 7/8 x 6/7 = 17/44, standard error 0.1526."""
    found = share_by(*arrays(MAINTAINED), 30)
    assert found.share == pytest.approx(17 / 44)
    # Four relapses, and one that was seen for 13 and one for 28 weeks alone.
    assert (found.event_count, found.followed_count) == (4, 9)
    left = 27 / 44
    error = left * math.sqrt(1 / 110 + 1 / 90 + 1 / 56 + 1 / 42)
    assert error == pytest.approx(0.1526, abs=5e-5)  # as R prints it
    width = 1.6448536269514722 * error / (left * -math.log(left))
    assert (found.low, found.high) == pytest.approx(
        (1 - left ** math.exp(-width), 1 - left ** math.exp(width))
    )


def test_a_share_beyond_what_was_seen_is_unknown_and_before_any_event_is_zero() -> None:
    items = [(10, False), (100, False), (100, False)]
    assert share_by(*arrays(items), 101).share is None
    assert share_by(*arrays(items), 50).share == 0
    assert share_by(*arrays(items), 10).followed_count == 3
