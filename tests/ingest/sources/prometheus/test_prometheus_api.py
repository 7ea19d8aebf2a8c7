"""A range is asked for piece by piece: each point once, within the limit."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.http.client import HttpClient
from ingest.sources.prometheus.api import MOST_POINTS, DaySamples, PrometheusApi, pieces
from ingest.sources.prometheus.selector import Selector
from ingest.sources.prometheus.series import HOUR_MS
from tests.ingest.servers.http_server import Answer, ScriptedServer
from tests.ingest.servers.prometheus_server import LoopbackPrometheus
from triptych.core.errors import FatalSourceError, MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator

TEN_O_CLOCK = 500_000 * HOUR_MS
SECOND = 1_000


@given(
    st.integers(0, 10**13),
    st.integers(0, 10**8),
    st.integers(1, 10**6),
    st.integers(1, 400),
)
@settings(deadline=None)
def test_every_point_is_asked_for_once_and_no_piece_exceeds_the_limit(
    start: int, length: int, step: int, most: int
) -> None:
    end = start + min(length, 300 * step)
    found = list(pieces(start, end, step, most=most))
    asked = [m for first, last in found for m in range(first, last + 1, step)]
    assert asked == list(range(start, end + 1, step))
    assert all((last - first) // step + 1 <= most for first, last in found)


def test_a_day_of_seconds_is_eight_pieces() -> None:
    day = 86_400 * SECOND
    assert len(list(pieces(0, day - SECOND, SECOND, most=MOST_POINTS))) == 8


@pytest.fixture
def server() -> Iterator[LoopbackPrometheus]:
    with LoopbackPrometheus(most_points=50) as running:
        yield running


@pytest.fixture
def api(server: ScriptedServer) -> Iterator[PrometheusApi]:
    with HttpClient(base_url=server.url, source="metrics") as client:
        yield PrometheusApi(client, source="metrics", points_per_query=50)


def ask(api: PrometheusApi, *, end: int = 10) -> Any:
    return api.over_range(
        "up",
        start_ms=TEN_O_CLOCK,
        end_ms=TEN_O_CLOCK + end * SECOND,
        step_ms=SECOND,
    )


@pytest.mark.parametrize("points_per_query", [2, 3, 7, 50])
def test_pieces_are_joined_as_if_asked_at_once(
    server: LoopbackPrometheus, points_per_query: int
) -> None:
    recorded = server.record("up", job="dcgm")
    for second in [*range(40), *range(400, 440)]:
        recorded.add(TEN_O_CLOCK + second * SECOND, second)
    with HttpClient(base_url=server.url, source="metrics") as client:
        api = PrometheusApi(client, source="metrics", points_per_query=points_per_query)
        [series] = DaySamples(
            api,
            start_ms=TEN_O_CLOCK,
            end_ms=TEN_O_CLOCK + 500 * SECOND,
            margin_ms=0,
        ).series(Selector("up"), step_ms=SECOND)
    # What is missing is missing: no point, no zero, and no value of before.
    expected = [*range(40), *range(400, 440)]
    assert [value for _, value in series.points] == expected
    assert [(m - TEN_O_CLOCK) // SECOND for m, _ in series.points] == expected


def test_windows_have_the_mean_and_the_number_of_their_samples(
    server: LoopbackPrometheus, api: PrometheusApi
) -> None:
    recorded = server.record("busy", UUID="a")
    for second, value in [(1, "0.5"), (30, "1"), (60, "0"), (61, "0.2"), (130, "NaN")]:
        recorded.add(TEN_O_CLOCK + second * SECOND, value)
    samples = DaySamples(
        api, start_ms=TEN_O_CLOCK, end_ms=TEN_O_CLOCK + 240 * SECOND, margin_ms=0
    )
    [series] = samples.windows(Selector("busy"), window_ms=60 * SECOND)
    assert series.windows == {
        TEN_O_CLOCK + 60 * SECOND: (Decimal("0.5"), 3),
        TEN_O_CLOCK + 120 * SECOND: (Decimal("0.2"), 1),
        TEN_O_CLOCK + 180 * SECOND: (None, 1),
    }


def test_a_limit_of_the_server_is_told_with_what_to_do(
    server: LoopbackPrometheus,
) -> None:
    with HttpClient(base_url=server.url, source="metrics") as client:
        api = PrometheusApi(client, source="metrics")
        with pytest.raises(FatalSourceError, match="maximum resolution") as caught:
            ask(api, end=100)
    assert "points_per_query" in caught.value.next_step


@pytest.mark.parametrize(
    ("result", "complaint"),
    [
        ([{"metric": {}, "values": [[1, "1"]]}], "the server answered for 1"),
        ([{"metric": {}, "values": [[TEN_O_CLOCK // 1000, "x"]]}], "no number"),
        ([{"metric": {}, "values": [TEN_O_CLOCK]}], "no pair of time and value"),
        ([{"metric": {}, "values": 5}], "series without samples"),
        ([{"values": []}], "series without labels"),
        ([{"metric": {}, "histograms": []}], "native histograms"),
        (
            [
                {"metric": {"a": "1"}, "values": [[TEN_O_CLOCK // 1000, "1"]]},
                {"metric": {"a": "1"}, "values": [[TEN_O_CLOCK // 1000, "2"]]},
            ],
            "two values at one moment",
        ),
    ],
)
def test_an_answer_that_cannot_be_meant_is_refused(
    server: LoopbackPrometheus, api: PrometheusApi, result: object, complaint: str
) -> None:
    body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    server.route("GET", "/api/v1/query_range", lambda _: Answer(body))
    with pytest.raises(MalformedDeliveryError, match=complaint):
        ask(api)


@pytest.mark.parametrize(
    "data",
    [None, {"resultType": "scalar", "result": [1, "1"]}, {"resultType": "matrix"}],
)
def test_a_result_that_is_no_samples_is_refused(
    server: LoopbackPrometheus, api: PrometheusApi, data: object
) -> None:
    body = {"status": "success", "data": data}
    server.route("GET", "/api/v1/query_range", lambda _: Answer(body))
    with pytest.raises(MalformedDeliveryError, match="not of samples"):
        ask(api)
