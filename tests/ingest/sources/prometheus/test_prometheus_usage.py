"""Use by hour and model: counters added, histograms merged, gaps left open."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.reading.label_mapping import LabelMapping, MappingRule
from ingest.sources.prometheus.recordings import RecordedSamples
from ingest.sources.prometheus.selector import Selector
from ingest.sources.prometheus.series import HOUR_MS, Series
from ingest.sources.prometheus.usage import (
    Latency,
    Span,
    UsageReading,
    merge_histograms,
)
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MINUTE = 60_000
START = 500_000 * HOUR_MS
EVERYTHING = Span(None, None)


def counter(metric: str, samples: Mapping[int, int], **labels: str) -> Series:
    """Return a counter: minute → value."""
    return Series(
        {"__name__": metric, **labels},
        [(START + m * MINUTE, Decimal(value)) for m, value in samples.items()],
    )


def reading(**options: Any) -> UsageReading:
    given_: dict[str, Any] = {
        "measures": {"requests": (Selector("requests"),)},
        "latency": None,
        "mapping": LabelMapping([MappingRule(match={"model": "*"}, model="${model}")]),
        "pool": None,
        "renamed": {},
        "step_ms": MINUTE,
        "longest_gap_ms": HOUR_MS,
    }
    return UsageReading(**{**given_, **options})


def rows(
    series: Iterable[Series], span: Span = EVERYTHING, **options: Any
) -> list[dict[str, Any]]:
    batch = reading(**options).rows(RecordedSamples(list(series)), span)
    found: list[dict[str, Any]] = batch.to_pylist()
    return found


def requests(
    series: Iterable[Series], span: Span = EVERYTHING, **options: Any
) -> list[tuple[int, str | None, Decimal | None]]:
    """Return hour, model and requests."""
    found = rows(series, span, **options)
    return [
        (row["period_start"].hour, row["model_id"], row["requests"]) for row in found
    ]


FIRST_HOUR = START // HOUR_MS % 24


def test_series_of_a_model_are_added_after_each_was_differenced() -> None:
    """Adding first would take the restart of one pod for a reset of the sum."""
    found = requests(
        [
            counter("requests", {0: 100, 30: 130, 60: 160}, model="eta", pod="a"),
            counter("requests", {0: 900, 30: 5, 60: 10}, model="eta", pod="b"),
        ]
    )
    assert found == [(FIRST_HOUR, "eta", Decimal(60 + 10))]


def test_an_hour_without_a_reading_has_no_row_and_is_not_zero() -> None:
    found = requests(
        [counter("requests", {0: 0, 60: 5, 240: 90, 300: 91}, model="eta")]
    )
    assert found == [
        (FIRST_HOUR, "eta", Decimal(5)),
        (FIRST_HOUR + 4, "eta", Decimal(1)),
    ]


def test_a_counter_that_stands_still_is_an_observed_zero() -> None:
    found = requests([counter("requests", {0: 7, 60: 7}, model="eta")])
    assert found == [(FIRST_HOUR, "eta", Decimal(0))]


def test_what_no_rule_maps_is_kept_for_nobody() -> None:
    found = rows([counter("requests", {0: 0, 60: 5}, job="x")], pool="serving")
    assert [(row["model_id"], row["pool_id"]) for row in found] == [(None, "serving")]


def test_a_series_that_two_selectors_select_counts_once() -> None:
    selectors = (Selector("requests"), Selector.parse('requests{model="eta"}'))
    series = counter("requests", {0: 0, 60: 5}, model="eta")
    found = requests([series], measures={"requests": selectors})
    assert found == [(FIRST_HOUR, "eta", Decimal(5))]


def test_two_metrics_of_one_measure_add_up() -> None:
    selectors = (Selector("requests"), Selector("batch_requests"))
    found = requests(
        [
            counter("requests", {0: 0, 60: 5}, model="eta"),
            counter("batch_requests", {0: 0, 60: 7}, model="eta"),
        ],
        measures={"requests": selectors},
    )
    assert found == [(FIRST_HOUR, "eta", Decimal(12))]


def test_a_gauge_that_was_taken_for_a_counter_is_refused() -> None:
    """Requests that run go up and down: 20 and 18 by turns, 30 falls of 59."""
    running = {minute: 20 - 2 * (minute % 2) for minute in range(60)}
    series = [counter("running", running, model="eta")]
    gauge = {"requests": (Selector("running"),)}
    with pytest.raises(MalformedDeliveryError, match="30 of 59 changes: a gauge"):
        rows(series, measures=gauge)


def test_a_counter_that_begins_again_every_hour_is_read() -> None:
    """Pods that are replaced: 30 falls of 59 changes, each to zero."""
    restarted = {minute: 50 * (minute % 2) for minute in range(60)}
    found = requests([counter("requests", restarted, model="eta")])
    assert found == [(FIRST_HOUR, "eta", Decimal(50 * 30))]


def test_a_negative_reading_is_not_hidden_by_others() -> None:
    found = requests(
        [
            counter("requests", {0: 0, 60: 500}, model="eta", pod="a"),
            counter("requests", {0: 5, 60: -3}, model="eta", pod="b"),
            counter("requests", {0: 0, 60: 500}, model="eta", pod="c"),
        ]
    )
    assert found == [(FIRST_HOUR, "eta", Decimal(-3))]


@given(
    st.lists(st.integers(0, 50), min_size=2, max_size=300),
    st.sets(st.integers(0, 299), max_size=150),
)
@settings(deadline=None, max_examples=60)
def test_the_hours_add_up_to_what_the_counter_says_however_it_is_read(
    increments: list[int], missing: set[int]
) -> None:
    total, samples = 0, {}
    for minute, increment in enumerate(increments):
        total += increment
        if minute not in missing or minute in {0, len(increments) - 1}:
            samples[minute] = total
    series = [counter("requests", samples, model="eta")]
    at_once = requests(series, longest_gap_ms=6 * HOUR_MS)
    by_hour = [
        row
        for hour in range(6)
        for row in requests(
            series,
            Span(START + hour * HOUR_MS, START + (hour + 1) * HOUR_MS),
            longest_gap_ms=6 * HOUR_MS,
        )
    ]
    assert by_hour == at_once
    assert sum(row[2] or 0 for row in at_once) == sum(increments[1:])


def bucket(bound: str, samples: Mapping[int, int], **labels: str) -> Series:
    return counter("latency_bucket", samples, le=bound, **labels)


def histograms(series: Iterable[Series], units_per_second: int = 1) -> list[Any]:
    latency = Latency((Selector("latency_bucket"),), units_per_second)
    found = rows(series, measures={}, latency=latency)
    return [json.loads(row["latency_histogram"] or "null") for row in found]


def test_a_histogram_is_the_increase_of_each_bucket_over_all_pods() -> None:
    one, two = {"model": "eta", "pod": "a"}, {"model": "eta", "pod": "b"}
    [found] = histograms(
        [
            bucket("0.1", {0: 10, 60: 109}, **one),
            bucket("0.5", {0: 10, 60: 109}, **one),
            bucket("+Inf", {0: 10, 60: 109}, **one),
            # A pod that restarted: what it reads now was counted since.
            bucket("0.1", {0: 500, 60: 0}, **two),
            bucket("0.5", {0: 600, 60: 0}, **two),
            bucket("+Inf", {0: 700, 60: 1}, **two),
        ]
    )
    assert found == {"0.1": 99, "0.5": 99, "+Inf": 100}
    assert list(found) == ["0.1", "0.5", "+Inf"]
    # The 95th percentile of all is below 0.1 s, where the mean of two would not be.
    assert found["0.1"] / found["+Inf"] >= 0.95


def test_bounds_are_in_seconds_and_spelled_alike() -> None:
    labels = {"model": "eta"}
    [found] = histograms(
        [
            bucket("250", {0: 0, 60: 1}, pod="a", **labels),
            bucket("+Inf", {0: 0, 60: 2}, pod="a", **labels),
            bucket("250.0", {0: 0, 60: 3}, pod="b", **labels),
            bucket("+Inf", {0: 0, 60: 4}, pod="b", **labels),
        ],
        units_per_second=1_000,
    )
    assert found == {"0.25": 4, "+Inf": 6}


def test_a_series_without_a_bound_is_no_bucket() -> None:
    with pytest.raises(MalformedDeliveryError, match="'_bucket'"):
        histograms([counter("latency_bucket", {0: 0, 60: 1}, model="eta")])
    with pytest.raises(MalformedDeliveryError, match="bound 'fast'"):
        histograms([bucket("fast", {0: 0, 60: 1}, model="eta")])


INFINITE = Decimal("Infinity")
BOUNDS = [Decimal(text) for text in ("0.05", "0.1", "0.25", "0.5", "1", "2.5")]
REQUESTS = st.lists(
    st.decimals(Decimal("0.01"), 5, places=2, allow_nan=False), max_size=30
)


def histogram(
    seconds: list[Decimal], bounds: Iterable[Decimal]
) -> dict[Decimal, Decimal]:
    return {b: Decimal(sum(s <= b for s in seconds)) for b in [*bounds, INFINITE]}


@given(
    st.lists(st.tuples(REQUESTS, st.sets(st.sampled_from(BOUNDS))), max_size=5),
)
@settings(deadline=None)
def test_merged_histograms_are_the_histogram_of_all_requests(
    pods: list[tuple[list[Decimal], set[Decimal]]],
) -> None:
    merged = merge_histograms(histogram(*pod) for pod in pods)
    everything = [seconds for requests_, _ in pods for seconds in requests_]
    busy = [bounds for requests_, bounds in pods if requests_]
    if everything:
        common = set(BOUNDS).intersection(*busy)
        assert merged == histogram(everything, common)
