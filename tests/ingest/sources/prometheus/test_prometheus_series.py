"""Samples as they are meant: resets, gaps, renamed labels, values that are none."""

from __future__ import annotations

from decimal import Decimal
from itertools import accumulate

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.sources.prometheus.series import (
    HOUR_MS,
    Series,
    heal,
    increases,
    read_value,
    spread,
    windows_of,
)
from triptych.core.errors import MalformedDeliveryError

MINUTE = 60_000
#: Increments between samples; each list is the life of one process.
LIVES = st.lists(
    st.lists(st.integers(0, 1_000), min_size=1, max_size=20), min_size=1, max_size=6
)


def counter(lives: list[list[int]]) -> list[tuple[int, Decimal | None]]:
    """Return what a counter reads that begins at zero in each life, once a minute."""
    values = [value for life in lives for value in accumulate(life)]
    return [(n * MINUTE, Decimal(value)) for n, value in enumerate(values)]


def counted(lives: list[list[int]]) -> int:
    """Return what must be found, sample by sample.

    Everything but what came before the first sample; and where a life begins with
    more than the one before it read, nothing can tell that it is another.
    """
    total = 0
    before: int | None = None
    for life in lives:
        readings = list(accumulate(life))
        first = readings[0]
        if before is not None:
            total += first - before if first >= before else first
        total += readings[-1] - first
        before = readings[-1]
    return total


@given(LIVES)
@settings(deadline=None)
def test_a_counter_that_is_reset_loses_nothing_that_its_samples_show(
    lives: list[list[int]],
) -> None:
    found = increases(counter(lives), longest_gap_ms=MINUTE)
    assert sum(increase for _, _, increase in found) == counted(lives)


@given(LIVES, st.sets(st.integers(0, 119), max_size=60))
@settings(deadline=None)
def test_missing_samples_change_no_total_while_the_gap_is_short(
    lives: list[list[int]], missing: set[int]
) -> None:
    points = counter([[n for life in lives for n in life]])
    kept = [
        point
        for number, point in enumerate(points)
        if number not in missing or number in {0, len(points) - 1}
    ]
    found = increases(kept, longest_gap_ms=200 * MINUTE)
    expected = sum(n for life in lives for n in life) - lives[0][0]
    assert sum(increase for _, _, increase in found) == expected


def test_nothing_is_counted_across_a_gap_that_is_too_long() -> None:
    points = [(0, Decimal(1)), (MINUTE, Decimal(5)), (62 * MINUTE, Decimal(900))]
    found = list(increases(points, longest_gap_ms=60 * MINUTE))
    assert found == [(0, MINUTE, Decimal(4))]


def test_a_value_that_is_none_is_a_gap_and_no_reset() -> None:
    points = [(0, Decimal(10)), (1, None), (2, Decimal(12))]
    assert list(increases(points, longest_gap_ms=5)) == [(0, 2, Decimal(2))]


@given(
    st.integers(0, 10 * HOUR_MS),
    st.integers(1, 5 * HOUR_MS),
    st.decimals(0, 10**9, places=3, allow_nan=False),
)
@settings(deadline=None)
def test_the_hours_of_an_increase_add_up_to_it_exactly(
    start: int, length: int, increase: Decimal
) -> None:
    parts = list(spread(start, start + length, increase))
    assert sum(part for _, part in parts) == increase
    assert all(part >= 0 for _, part in parts)
    assert [hour for hour, _ in parts] == list(
        range(start // HOUR_MS * HOUR_MS, start + length, HOUR_MS)
    )


def test_an_increase_is_spread_by_time() -> None:
    parts = dict(spread(HOUR_MS - 15 * MINUTE, HOUR_MS + 45 * MINUTE, Decimal(80)))
    assert parts == {0: 20, HOUR_MS: 60}


def test_an_increase_up_to_the_full_hour_belongs_to_the_hour_before() -> None:
    assert list(spread(HOUR_MS - 1, HOUR_MS, Decimal(3))) == [(0, Decimal(3))]


@pytest.mark.parametrize(
    "text", ["NaN", "+Inf", "-Inf", "9223372036854775794", "9223372036854776000"]
)
def test_what_stands_for_no_value_is_none(text: str) -> None:
    assert read_value(text, where="x") is None


@pytest.mark.parametrize("value", ["ten", "", None, 5, "0x10"])
def test_what_is_no_number_in_quotes_is_refused(value: object) -> None:
    with pytest.raises(MalformedDeliveryError, match="no number in quotes"):
        read_value(value, where="x")


def series(labels: dict[str, str], *points: tuple[int, int | None]) -> Series:
    return Series(
        {"__name__": "m", **labels},
        [(moment, None if v is None else Decimal(v)) for moment, v in points],
    )


def readings(series: Series) -> list[tuple[int, int]]:
    return [(moment, int(value or 0)) for moment, value in series.points]


def test_a_renamed_label_makes_no_second_series() -> None:
    old = series({"Hostname": "node-1", "UUID": "a"}, (0, 1), (1, 2), (2, 3))
    new = series({"hostname": "node-1", "UUID": "a"}, (2, 30), (3, 40))
    [joined] = heal([new, old], renamed={})
    assert joined.labels == {"__name__": "m", "hostname": "node-1", "UUID": "a"}
    assert readings(joined) == [(0, 1), (1, 2), (2, 30), (3, 40)]


def test_an_older_value_stands_where_the_newer_series_has_none() -> None:
    old = series({"Hostname": "node-1"}, (0, 1), (1, 2))
    new = series({"hostname": "node-1"}, (1, None), (2, 3))
    [joined] = heal([old, new], renamed={})
    assert readings(joined) == [(0, 1), (1, 2), (2, 3)]


def test_further_spellings_are_configuration() -> None:
    given_ = [series({"gpu_uuid": "a"}, (0, 1)), series({"UUID": "a"}, (1, 2))]
    [joined] = heal(given_, renamed={"UUID": ("gpu_uuid",)})
    assert joined.labels["UUID"] == "a"


def test_an_empty_label_is_no_label() -> None:
    [healed] = heal([series({"pod": "", "UUID": "a"}, (0, 1))], renamed={})
    assert "pod" not in healed.labels


def test_the_pod_of_the_exporter_is_not_taken_for_the_workload() -> None:
    busy = {"job": "dcgm", "pod": "exporter-1", "exported_pod": "eta-1", "UUID": "a"}
    free = {"job": "dcgm", "pod": "exporter-1", "UUID": "b"}
    healed = heal([series(busy, (0, 1)), series(free, (0, 1))], renamed={})
    assert [one.labels.get("pod") for one in healed] == ["eta-1", None]
    [other] = heal([series(free, (0, 1))], renamed={})
    assert other.labels["pod"] == "exporter-1"


@given(
    st.lists(st.tuples(st.integers(1, 600), st.integers(0, 100)), max_size=60),
    st.integers(1, 90),
)
@settings(deadline=None)
def test_every_sample_is_in_the_one_window_that_ends_at_or_after_it(
    samples: list[tuple[int, int]], window: int
) -> None:
    in_order = sorted(dict(samples).items())
    points = [(moment, Decimal(value)) for moment, value in in_order]
    [found] = windows_of([Series({}, points)], window)
    assert sum(count for _, count in found.windows.values()) == len(points)
    for end, (mean, count) in found.windows.items():
        inside = [v for moment, v in points if end - window < moment <= end]
        assert len(inside) == count
        assert mean == sum(inside, Decimal(0)) / count
