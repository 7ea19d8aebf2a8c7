"""Hours of GPUs: handed over, shared, sliced, without a label, without a reading."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.reading.label_mapping import LabelMapping, MappingRule
from ingest.sources.prometheus.accelerators import (
    AcceleratorReading,
    Activity,
    DeviceLabels,
)
from ingest.sources.prometheus.recordings import RecordedSamples
from ingest.sources.prometheus.selector import Selector
from ingest.sources.prometheus.series import HOUR_MS, Series
from ingest.sources.prometheus.usage import Span
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable

ACTIVE, UTIL = "ENGINE_ACTIVE", "GPU_UTIL"
MINUTE = 60_000
START = 500_000 * HOUR_MS
H100 = "NVIDIA H100 80GB HBM3"
EVERYTHING = Span(None, None)


def gauge(
    value: object, minutes: Iterable[int], *, metric: str = ACTIVE, **labels: str
) -> Series:
    """Return a gauge that reads the same in each of some minutes, twice a minute."""
    number = None if value is None else Decimal(str(value))
    points = [
        (START + minute * MINUTE + second * 1_000, number)
        for minute in minutes
        for second in (15, 45)
    ]
    given_labels = {"UUID": "GPU-a", "hostname": "n1", "modelName": H100, **labels}
    return Series({"__name__": metric, **given_labels}, points)


def reading(**options: Any) -> AcceleratorReading:
    """Return a reading in windows of a minute; pods are mapped to themselves."""
    rules = [
        MappingRule(match={"hostname": {"prefix": "batch-"}}, pool="gpu-batch"),
        MappingRule(match={"pod": {"prefix": "m-"}}, model="${pod}", pool="not-this"),
    ]
    settings_: dict[str, Any] = {
        "activities": (
            Activity(Selector(ACTIVE), 1),
            Activity(Selector(UTIL), 100),
        ),
        "mapping": LabelMapping(rules),
        "pool": "gpu",
        "labels": DeviceLabels(),
        "renamed": {},
        "slices_per_gpu": {},
        "window_ms": MINUTE,
        "longest_gap_ms": HOUR_MS,
    }
    return AcceleratorReading(**{**settings_, **options})


def hours(
    *series: Series, span: Span = EVERYTHING, **options: Any
) -> dict[str | None, Any]:
    """Return capacity, requested and used hours by model."""
    batch = reading(**options).rows(RecordedSamples(series), span)
    return {
        row["model_id"]: tuple(
            None
            if row[f"{kind}_gpu_hours"] is None
            else float(row[f"{kind}_gpu_hours"])
            for kind in ("capacity", "requested", "used")
        )
        for row in batch.to_pylist()
    }


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)


def rows(*series: Series, **options: Any) -> list[dict[str, Any]]:
    batch = reading(**options).rows(RecordedSamples(series), EVERYTHING)
    found: list[dict[str, Any]] = batch.to_pylist()
    return found


def test_the_hour_of_the_page_is_what_the_page_says() -> None:
    found = rows(
        gauge(1, range(15), pod="m-fraud"),
        gauge(0, [*range(15, 30), *range(45, 60)], pod="m-fraud"),
    )
    assert [
        (
            row["model_id"],
            *(
                row[f"{kind}_gpu_hours"]
                for kind in ("capacity", "requested", "used", "unobserved")
            ),
        )
        for row in found
    ] == [
        (None, 1, Decimal("0.25"), 0, Decimal("0.25")),
        ("fraud", None, Decimal("0.75"), Decimal("0.25"), None),
    ]


def test_a_gpu_that_changes_hands_is_divided_at_the_moment_it_does() -> None:
    found = hours(
        gauge("0.5", range(40), pod="m-eta"),
        gauge("0.25", range(40, 60), pod="m-fraud"),
    )
    assert found["eta"] == (None, pytest.approx(2 / 3), pytest.approx(1 / 3))
    assert found["fraud"] == (None, pytest.approx(1 / 3), pytest.approx(1 / 12))
    assert found[None] == (1, 0, 0)


def test_within_a_window_hands_are_told_apart_by_their_samples() -> None:
    found = hours(
        gauge("1", range(12), pod="m-eta"),
        gauge("1", range(12, 15), pod="m-fraud"),
        window_ms=15 * MINUTE,
    )
    assert found["eta"][1] == pytest.approx(0.2)
    assert found["fraud"][1] == pytest.approx(0.05)


def test_pods_that_share_a_gpu_do_not_make_two_of_it() -> None:
    found = hours(
        gauge("0.6", range(60), pod="m-eta"),
        gauge("0.6", range(60), pod="m-fraud"),
        gauge("0.6", range(60), pod="m-chat"),
    )
    for model in ("eta", "fraud", "chat"):
        assert found[model] == (None, pytest.approx(1 / 3), pytest.approx(0.2))
    assert found[None][0] == 1


def test_without_a_label_what_is_busy_is_nobodys_and_the_rest_is_free() -> None:
    [row] = rows(gauge("0.3", range(60)))
    assert row["model_id"] is None
    assert row["capacity_gpu_hours"] == 1
    assert row["requested_gpu_hours"] == row["used_gpu_hours"] == Decimal("0.3")
    assert row["unlabelled_gpu_hours"] == Decimal("0.3")
    assert row["unmapped_gpu_hours"] == 0


def test_a_workload_that_no_rule_maps_is_nobodys_with_all_that_it_holds() -> None:
    [row] = rows(gauge("0.3", range(60), pod="mystery"))
    assert row["model_id"] is None
    assert row["requested_gpu_hours"] == row["unmapped_gpu_hours"] == 1
    assert row["used_gpu_hours"] == Decimal("0.3")


def test_what_nobody_has_adds_up_in_one_row_of_a_node() -> None:
    [row] = rows(
        gauge("0.5", range(60), UUID="GPU-1"),
        gauge("0.25", range(60), UUID="GPU-2", pod="mystery"),
        gauge("0.0", [0, 59], UUID="GPU-3"),
    )
    assert row["capacity_gpu_hours"] == 3
    assert row["used_gpu_hours"] == Decimal("0.75")
    # Half of GPU 1, all of GPU 2, and 58 minutes of GPU 3 that nobody observed.
    expected = Decimal("0.5") + 1 + Decimal(58) / 60
    assert row["requested_gpu_hours"] == round(expected, 12)


def test_a_node_belongs_to_its_pool_whoever_runs_on_it() -> None:
    found = rows(
        gauge("1", range(60), pod="m-eta", hostname="batch-7"),
        gauge("1", range(60), pod="m-eta", UUID="GPU-b"),
    )
    assert {(row["node_id"], row["pool_id"]) for row in found} == {
        ("batch-7", "gpu-batch"),
        ("n1", "gpu"),
    }


def test_a_slice_is_its_part_of_the_gpu_and_the_rest_is_free() -> None:
    found = hours(
        gauge("1", range(60), pod="m-eta", GPU_I_ID="1", GPU_I_PROFILE="3g.40gb"),
        gauge("0.5", range(60), pod="m-chat", GPU_I_ID="9", GPU_I_PROFILE="1g.10gb"),
    )
    assert found["eta"] == (None, pytest.approx(3 / 7), pytest.approx(3 / 7))
    assert found["chat"] == (None, pytest.approx(1 / 7), pytest.approx(1 / 14))
    assert found[None] == (1, 0, 0)


def test_the_reading_of_a_whole_gpu_does_not_repeat_its_slices() -> None:
    found = hours(
        gauge("1", range(60), pod="m-eta", GPU_I_ID="1", GPU_I_PROFILE="7g.80gb"),
        gauge("88", range(60), metric=UTIL),
    )
    assert found == {"eta": (None, 1, 1), None: (1, 0, 0)}


def test_a_gpu_of_unknown_slices_is_refused_until_they_are_declared() -> None:
    sliced = gauge(
        "1",
        range(60),
        pod="m-eta",
        modelName="NVIDIA X9000",
        GPU_I_ID="1",
        GPU_I_PROFILE="2g.10gb",
    )
    with pytest.raises(MalformedDeliveryError, match="'NVIDIA X9000'"):
        hours(sliced)
    found = hours(sliced, slices_per_gpu={"X9000": 5, "X": 9})
    assert found["eta"][1] == pytest.approx(0.4)


def test_the_second_metric_counts_only_where_the_first_has_no_value() -> None:
    found = rows(
        gauge("0.5", range(30), pod="m-eta"),
        gauge(None, range(30, 60), pod="m-eta"),
        gauge("80", range(60), metric=UTIL, pod="m-eta"),
    )
    [eta] = [row for row in found if row["model_id"] == "eta"]
    assert eta["used_gpu_hours"] == Decimal("0.65")
    assert eta["measured_by"] == "ENGINE_ACTIVE, GPU_UTIL"


def test_a_percentage_read_as_a_ratio_is_refused() -> None:
    with pytest.raises(MalformedDeliveryError, match=r"reads 97, .* more than 1\."):
        hours(gauge("97", range(60)))
    with pytest.raises(MalformedDeliveryError, match=r"reads 300, .* more than 100\."):
        hours(gauge("300", range(60), metric=UTIL))


@pytest.mark.parametrize(
    "blank",
    [
        pytest.param(None, id="none"),
        pytest.param("140737488355328", id="DCGM's blank double"),
        pytest.param("2147483632", id="DCGM's blank integer"),
        pytest.param("4611686018427387897", id="a blank averaged with a value"),
        pytest.param("-1", id="negative"),
    ],
)
def test_a_value_that_stands_for_none_is_unobserved(blank: object) -> None:
    [row] = rows(gauge(blank, range(60), pod="m-eta"))
    assert row["model_id"] is None
    assert row["requested_gpu_hours"] == row["unobserved_gpu_hours"] == 1
    assert row["used_gpu_hours"] == 0


def test_a_gpu_that_is_away_for_long_is_not_capacity() -> None:
    found = hours(gauge("1", [0, 10], pod="m-eta"), longest_gap_ms=10 * MINUTE)
    assert found[None] == (pytest.approx(11 / 60), pytest.approx(9 / 60), 0)
    found = hours(gauge("1", [0, 11], pod="m-eta"), longest_gap_ms=10 * MINUTE)
    assert found[None] == (pytest.approx(2 / 60), 0, 0)


def test_a_reading_without_a_device_is_refused() -> None:
    with pytest.raises(MalformedDeliveryError, match="no label 'UUID'"):
        hours(gauge("1", range(3), UUID=""))


MINUTES = st.sets(st.integers(0, 239), max_size=120)


@given(
    st.lists(
        st.tuples(
            MINUTES,
            st.decimals(0, 1, places=3, allow_nan=False),
            st.sampled_from(["", "mystery", "m-eta", "m-fraud"]),
            st.sampled_from(["GPU-1", "GPU-2"]),
        ),
        max_size=8,
    )
)
@settings(deadline=None, max_examples=60)
def test_whatever_happens_the_parts_fit_into_the_whole(
    uses: list[tuple[set[int], Decimal, str, str]],
) -> None:
    """No GPU hour is counted twice, none is used that was not there."""
    given_ = [
        gauge(value, sorted(minutes), pod=pod, UUID=device, instance=str(n))
        for n, (minutes, value, pod, device) in enumerate(uses)
    ]
    found = rows(*given_)
    tolerance = Decimal("0.000000001")
    for hour in {row["period_start"] for row in found}:
        of_hour = [row for row in found if row["period_start"] == hour]
        capacity = sum(row["capacity_gpu_hours"] or 0 for row in of_hour)
        requested = sum(row["requested_gpu_hours"] or 0 for row in of_hour)
        used = sum(row["used_gpu_hours"] or 0 for row in of_hour)
        assert used <= requested + tolerance
        assert requested <= capacity + tolerance
        assert capacity <= 2
        for row in of_hour:
            assert (row["used_gpu_hours"] or 0) <= row["requested_gpu_hours"]


@given(MINUTES, MINUTES)
@settings(deadline=None, max_examples=60)
def test_reading_hour_by_hour_gives_what_reading_at_once_does(
    one: set[int], two: set[int]
) -> None:
    given_ = [
        gauge("0.5", sorted(one), pod="m-eta"),
        gauge("0.7", sorted(two - one), pod="m-fraud"),
    ]
    at_once = rows(*given_)
    by_hour: list[dict[str, Any]] = []
    for hour in range(4):
        span = Span(START + hour * HOUR_MS, START + (hour + 1) * HOUR_MS)
        by_hour += reading().rows(RecordedSamples(given_), span).to_pylist()
    assert by_hour == at_once
