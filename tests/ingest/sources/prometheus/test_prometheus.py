"""Prometheus: GPU hours and use of models, from a server and from recordings."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

import ingest.sources.prometheus.connector as module
from ingest.connector import Window
from ingest.sources.prometheus.connector import PrometheusConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import (
    Answer,
    Fault,
    ScriptedServer,
    looping_token,
    status,
)
from tests.ingest.servers.prometheus_server import LoopbackPrometheus
from tests.ingest.suites.misbehaviour import (
    SurvivesMisbehaviour,
    assert_whole,
    first_failure,
)
from triptych.core.errors import (
    FatalSourceError,
    MalformedDeliveryError,
    TransientSourceError,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "made-up-token-8f31"
HOUR = 3_600_000
MINUTE = 60_000
#: Two days ago: complete whatever the time is, and young enough for late samples.
DAY = datetime.now(UTC).date() - timedelta(days=2)
MIDNIGHT = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp()) * 1_000
TEN = MIDNIGHT + 10 * HOUR

RULES = [
    {"match": {"pod": {"prefix": "eta-"}}, "model": "eta-v2"},
    {"match": {"pod": {"prefix": "fraud-"}}, "model": "fraud", "pool": "serving-b"},
]
SAMPLES = Path(__file__).resolve().parents[5] / "shared" / "data" / "events"


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackPrometheus]:
    monkeypatch.setenv("PROMETHEUS_TOKEN", TOKEN)
    with LoopbackPrometheus() as running:
        yield running


def count(  # noqa: PLR0913  (each number says what the counter does)
    server: LoopbackPrometheus,
    metric: str,
    pod: str,
    *,
    per_minute: int,
    minutes: int = 120,
    start: int = TEN,
    first: int = 0,
    restart_at: int | None = None,
    **labels: str,
) -> None:
    """Record a counter that goes up evenly, and begins again at zero on a restart."""
    series = server.record(metric, pod=pod, **labels)
    value = first
    for minute in range(minutes + 1):
        if minute == restart_at:
            value = 0
        series.add(start + minute * MINUTE, value)
        value += per_minute


def serve_usage(server: LoopbackPrometheus) -> None:
    """Two hours of three models' requests; one is mapped by no rule."""
    count(server, "requests_total", "eta-a", per_minute=2, first=1000)
    # 29 steps of three, a restart to zero, 30 steps of three; then 60 steps.
    count(server, "requests_total", "eta-b", per_minute=3, first=500, restart_at=30)
    count(server, "requests_total", "fraud-a", per_minute=5, code="200")
    count(server, "requests_total", "fraud-a", per_minute=1, code="500")
    count(server, "requests_total", "mystery", per_minute=10)
    count(server, "input_tokens_total", "fraud-a", per_minute=700)


EXPECTED_USAGE = [
    (10, "eta-v2", None, 120 + 177, None, None),
    (10, "fraud", "serving-b", 360, 300, 42_000),
    (10, None, None, 600, None, None),
    (11, "eta-v2", None, 120 + 180, None, None),
    (11, "fraud", "serving-b", 360, 300, 42_000),
    (11, None, None, 600, None, None),
]


def usage_case(server: LoopbackPrometheus, root: Path) -> ConnectorCase:
    """Return a source of the counters, and what may come after."""
    serve_usage(server)

    def deliver_late() -> dict[str, Decimal]:
        late = TEN + 3 * HOUR
        count(server, "requests_total", "eta-c", per_minute=4, start=late, minutes=60)
        return {}

    def deliver_hostile() -> int:
        hostile = server.record("requests_total", pod="fraud-z")
        hostile.add(TEN + 4 * HOUR, 7)
        hostile.add(TEN + 4 * HOUR + MINUTE, -5)
        return 1

    return ConnectorCase(
        connector_type="prometheus",
        options={
            "base_url": server.url,
            "usage": {
                "requests": "requests_total",
                "successful_requests": 'requests_total{code=~"2.."}',
                "input_tokens": "input_tokens_total",
            },
            "mapping": RULES,
            "start_date": DAY,
            "points_per_query": 500,
            "timeout_seconds": 1.0,
        },
        root=root,
        expected_rows=len(EXPECTED_USAGE),
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN,),
    )


class TestUsageFromAServerContract(ConnectorContract):
    """The shipped suite over counters of a server."""

    @pytest.fixture
    def case(self, server: LoopbackPrometheus, tmp_path: Path) -> ConnectorCase:
        return usage_case(server, tmp_path)


@pytest.mark.full
class TestUsageMisbehaviour(SurvivesMisbehaviour):
    """The same source, of a server that misbehaves."""

    names_credential = "PROMETHEUS_TOKEN"

    @pytest.fixture
    def case(self, server: LoopbackPrometheus, tmp_path: Path) -> ConnectorCase:
        return usage_case(server, tmp_path)

    def test_pages_that_go_in_a_circle_end_with_a_clear_message(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        """There is no token to loop; a cache that repeats an old answer is as bad."""
        # Three counts of samples and the first piece of the day go well.
        server.faults += [*[Fault()] * 4, looping_token()]

        error = first_failure(case)

        assert isinstance(error, MalformedDeliveryError)
        assert "the server answered for" in str(error)
        server.page_fault = None
        assert_whole(case)


def hold(
    server: LoopbackPrometheus,
    metric: str,
    value: str,
    *,
    minutes: range,
    labels: dict[str, str],
) -> None:
    """Record a gauge that stays the same, twice a minute."""
    series = server.record(metric, **labels)
    for second in range(minutes.start * 60, minutes.stop * 60, 30):
        series.add(TEN + second * 1_000 + 1_000, value)


GPU_A = {"UUID": "GPU-a", "hostname": "node-1", "modelName": "NVIDIA H100 80GB HBM3"}
GPU_B = {"UUID": "GPU-b", "hostname": "node-1", "modelName": "NVIDIA H100 80GB HBM3"}
ACTIVE = "DCGM_FI_PROF_GR_ENGINE_ACTIVE"


def accelerator_case(server: LoopbackPrometheus, root: Path) -> ConnectorCase:
    """Return a source of two GPUs, and what may come after."""
    hold(server, ACTIVE, "0.5", minutes=range(60), labels={**GPU_A, "pod": "eta-a"})
    hold(server, ACTIVE, "0.25", minutes=range(60), labels=GPU_B)

    served = {**GPU_B, "pod": "fraud-a"}

    def deliver_late() -> dict[str, Decimal]:
        hold(server, ACTIVE, "1", minutes=range(60, 120), labels=served)
        return {}

    def deliver_hostile() -> int:
        # What is hostile here is no row: an unreadable value is missing, no more.
        hold(server, ACTIVE, "NaN", minutes=range(60, 90), labels=served)
        return 0

    return ConnectorCase(
        connector_type="prometheus",
        options={
            "base_url": server.url,
            "accelerators": {"pool": "gpu-cluster"},
            "mapping": RULES,
            "start_date": DAY,
            "timeout_seconds": 1.0,
        },
        root=root,
        expected_rows=2,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN,),
    )


class TestAcceleratorsFromAServerContract(ConnectorContract):
    """The shipped suite over GPUs of a server."""

    @pytest.fixture
    def case(self, server: LoopbackPrometheus, tmp_path: Path) -> ConnectorCase:
        return accelerator_case(server, tmp_path)


def write_answer(path: Path, series: list[tuple[dict[str, str], Any]]) -> None:
    """Write an answer of query_range; samples are a minute apart from ten o'clock."""
    result = [
        {
            "metric": labels,
            "values": [
                [(TEN + minute * MINUTE) // 1_000, str(value)]
                for minute, value in enumerate(values)
            ],
        }
        for labels, values in series
    ]
    body = {"status": "success", "data": {"resultType": "matrix", "result": result}}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(body), "utf-8")


class TestRecordingsContract(ConnectorContract):
    """The shipped suite over recorded answers."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        folder = tmp_path / "recorded"
        eta = {"__name__": "requests_total", "pod": "eta-a"}
        write_answer(folder / "a.json", [(eta, range(0, 300, 5))])

        def deliver_again() -> None:
            text = (folder / "a.json").read_text("utf-8")
            (folder / "a.json").write_text(text, "utf-8")

        def deliver_late() -> dict[str, Decimal]:
            fraud = {"__name__": "requests_total", "pod": "fraud-a"}
            write_answer(folder / "b.json", [(fraud, range(30))])
            return {}

        def deliver_hostile() -> int:
            fraud = {"__name__": "requests_total", "pod": "fraud-a"}
            write_answer(folder / "b.json", [(fraud, [5, -1])])
            return 1

        return ConnectorCase(
            connector_type="prometheus",
            options={
                "path": "recorded",
                "usage": {"requests": "requests_total"},
                "mapping": RULES,
            },
            root=tmp_path,
            expected_rows=1,
            expected_money={},
            deliver_again=deliver_again,
            deliver_late=deliver_late,
            deliver_hostile=deliver_hostile,
        )


def usage_rows(case: ConnectorCase) -> list[tuple[object, ...]]:
    """Return hour, model, pool, requests, successes and input tokens."""
    rows = case.query(
        "SELECT hour(period_start), model_id, pool_id, requests, successful_requests,"
        " input_tokens FROM evidence.model_usage ORDER BY 1, 2 NULLS LAST"
    )
    return [
        (*row[:3], *(None if v is None else int(str(v).split(".")[0]) for v in row[3:]))
        for row in rows
    ]


def test_requests_are_what_the_counters_counted_by_hour_and_model(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = usage_case(server, tmp_path)
    assert case.ingest().failures == []
    assert usage_rows(case) == EXPECTED_USAGE


def test_gpu_hours_are_what_was_there_requested_and_used(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = accelerator_case(server, tmp_path)
    case.ingest()
    rows = case.query(
        "SELECT model_id, node_id, capacity_gpu_hours, requested_gpu_hours,"
        " used_gpu_hours FROM evidence.accelerator_usage ORDER BY 1 NULLS LAST"
    )
    # GPU b is busy a quarter of the hour for somebody that no label names.
    assert rows == [
        ("eta-v2", "node-1", None, Decimal(1), Decimal("0.5")),
        (None, "node-1", Decimal(2), Decimal("0.25"), Decimal("0.25")),
    ]


def test_an_unreadable_activity_is_unknown_and_not_idle(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = accelerator_case(server, tmp_path)
    case.deliver_hostile()
    case.ingest()
    rows = case.query(
        "SELECT model_id, capacity_gpu_hours, requested_gpu_hours, used_gpu_hours"
        " FROM evidence.accelerator_usage WHERE hour(period_start) = 11"
    )
    assert rows == [(None, Decimal("0.5"), Decimal("0.5"), Decimal(0))] or rows == [
        (None, Decimal("0.5"), Decimal("0.5"), None)
    ]


def test_each_moment_is_asked_for_once_and_never_more_than_the_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PROMETHEUS_TOKEN", raising=False)
    question = "last_over_time(input_tokens_total[59999ms])"
    with LoopbackPrometheus(most_points=500) as server:
        case = usage_case(server, tmp_path)
        case.ingest()
        asked = [
            moment
            for first, last in server.ranges(question)
            for moment in range(first, last + 1, MINUTE)
        ]
    # The day with an hour before and after.
    assert asked == list(range(MIDNIGHT - HOUR, MIDNIGHT + 25 * HOUR + 1, MINUTE))


def test_a_credential_goes_only_where_one_is_set(
    server: LoopbackPrometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = usage_case(server, tmp_path)
    case.connector().check()
    assert server.requests[-1].headers["authorization"] == f"Bearer {TOKEN}"
    monkeypatch.delenv("PROMETHEUS_TOKEN")
    case.connector().check()
    assert "authorization" not in server.requests[-1].headers
    monkeypatch.setenv("METRICS_USERNAME", "triptych")
    monkeypatch.setenv("METRICS_PASSWORD", "made-up")
    case.options |= {"credential_prefix": "METRICS", "tenant": "ml"}
    case.connector().check()
    # base64 of triptych:made-up
    sent = server.requests[-1].headers
    assert sent["authorization"] == "Basic dHJpcHR5Y2g6bWFkZS11cA=="
    assert sent["x-scope-orgid"] == "ml"


def test_a_credential_never_goes_out_unencrypted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROMETHEUS_TOKEN", TOKEN)
    options: dict[str, object] = {
        "base_url": "http://prometheus.example",
        "usage": {"requests": "requests_total"},
    }
    case = ConnectorCase("prometheus", options, tmp_path, 0, {}, dict, dict, int)
    [finding] = case.connector().check()
    assert "unencrypted" in finding.message
    assert TOKEN not in finding.message


def test_a_metric_without_series_is_said_to_be_silent_and_is_not_zero(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = usage_case(server, tmp_path)
    case.options["usage"] = {
        "requests": "requests_total",
        "output_tokens": "nobody_exports_this_total",
    }
    report = case.ingest()
    assert any(
        "nobody_exports_this_total: no series" in note and "not zero" in note
        for note in report.notes
    )
    rows = case.query("SELECT count(*), count(output_tokens) FROM evidence.model_usage")
    assert rows == [(6, 0)]
    findings = {f.message: f.is_ok for f in case.connector().check()}
    assert findings["requests_total: 5 series now."]
    assert not findings["nobody_exports_this_total: no series now."]


def test_an_answer_with_a_part_missing_is_not_taken_for_the_whole(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = usage_case(server, tmp_path)
    server.warnings = ["No StoreAPIs matched for this query: store-2 timed out"]
    error = first_failure(case)
    assert isinstance(error, TransientSourceError)
    assert "store-2 timed out" in str(error)
    server.warnings = ['PromQL info: metric might not be a counter: "x" (1:6)']
    assert_whole(case)


def test_an_answer_that_says_error_is_told_in_the_servers_words(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = usage_case(server, tmp_path)
    said = "query processing would load too many samples into memory"
    body = {"status": "error", "errorType": "execution", "error": said}
    server.faults += [status(422, body=body)]
    error = first_failure(case)
    assert isinstance(error, FatalSourceError)
    assert said in str(error)
    assert "points_per_query" in str(error)


def test_an_overloaded_server_is_asked_again(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = usage_case(server, tmp_path)
    body = {"status": "error", "errorType": "timeout", "error": "query timed out"}
    server.faults += [status(503, body=body)]
    assert_whole(case)


def test_a_rule_that_changes_makes_every_day_new(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = usage_case(server, tmp_path)
    case.ingest()
    rule = {"match": {"pod": "mystery"}, "model": "eta-v2"}
    case.options["mapping"] = [*RULES, rule]
    assert case.ingest().committed
    rows = [row for row in usage_rows(case) if row[1] == "eta-v2"]
    assert [row[3] for row in rows] == [297 + 600, 300 + 600]
    case.options |= {"timeout_seconds": 2.0, "lag_days": 3}
    assert case.ingest().committed == []


def test_only_complete_days_of_the_window_are_offered(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    connector = usage_case(server, tmp_path).connector()
    offered = list(connector.deliveries(Window()))
    complete = (datetime.now(UTC) - timedelta(days=1, hours=1)).date()
    assert offered[0].scope == f"{DAY}"
    assert f"{complete}" in offered[-1].scope
    assert {one.scope for one in offered if not one.skip_reason} == {f"{DAY}"}
    asked = Window(DAY - timedelta(days=40), DAY + timedelta(days=1))
    assert [one.scope for one in connector.deliveries(asked)] == [f"{DAY}"]
    assert list(connector.deliveries(Window(DAY + timedelta(days=9)))) == []


def test_without_a_first_day_all_that_the_server_keeps_is_offered(
    server: LoopbackPrometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Samples of 40 days and six hours: the first day is the 40th before the last."""
    kept = server.record("vllm:request_success_total", model_name="old")
    for hour in range(-40 * 24 - 6, 1):
        kept.add(MIDNIGHT + hour * HOUR, hour + 1_000)
    today = datetime.fromtimestamp((MIDNIGHT + 30 * HOUR) / 1_000, UTC)
    monkeypatch.setattr(module, "_now", lambda: today)
    case = usage_case(server, tmp_path)
    del case.options["start_date"]
    case.options["usage"] = {"requests": "vllm:request_success_total"}
    offered = list(case.connector().deliveries(Window()))
    assert offered[0].scope == f"{DAY - timedelta(days=40)}"
    assert len([one for one in offered if not one.skip_reason]) == 41


def test_the_recorded_samples_come_to_the_hours_worked_out_by_hand(
    tmp_path: Path,
) -> None:
    """28 of 35 seconds were scraped; the GPU's label was renamed on the way."""
    folder = SAMPLES / "prometheus"
    if not folder.is_dir():
        pytest.skip("the shared samples are not here")
    case = ConnectorCase(
        "prometheus",
        {
            "path": str(folder),
            "accelerators": {"pool": "gpu", "window_seconds": 1},
            "mapping": [
                {"match": {"pod": {"prefix": "fraud-detector-"}}, "model": "fraud"},
                {"match": {"pod": {"prefix": "churn-"}}, "model": "churn"},
            ],
        },
        tmp_path,
        0,
        {},
        dict,
        dict,
        int,
    )
    report = case.ingest()
    assert report.failures == []
    rows = case.query(
        "SELECT model_id, round(capacity_gpu_hours * 3600, 6),"
        " round(requested_gpu_hours * 3600, 6), round(used_gpu_hours * 3600, 6)"
        " FROM evidence.accelerator_usage ORDER BY 1 NULLS LAST"
    )
    # GPU a: 11 s at 0.3007 and 17 s at 0.0372. GPU b: one slice of seven, 28 s at
    # 0.008246. Each GPU was there for 35 s, 7 of them without a reading.
    assert rows == [
        ("churn", None, Decimal(28) / 7, round(28 * Decimal("0.008246") / 7, 6)),
        ("fraud", None, Decimal(28), Decimal("3.3077") + Decimal("0.6324")),
        (None, Decimal(70), Decimal(14), Decimal(0)),
    ]
    unread = " ".join(report.notes)
    for name in ("error_bad_query", "error_too_many_points", "range_energy_rate"):
        assert name in unread


def test_the_recorded_percentages_are_read_where_there_is_no_ratio(
    tmp_path: Path,
) -> None:
    """GPU a at 97 % for 11 s and 12 % for 17 s, in three scrapes of two labels."""
    folder = SAMPLES / "prometheus"
    if not folder.is_dir():
        pytest.skip("the shared samples are not here")
    utilisation = {"selector": "DCGM_FI_DEV_GPU_UTIL", "unit": "percent"}
    case = ConnectorCase(
        "prometheus",
        {
            "path": f"{folder}/range_gpu_util_step1.json",
            "accelerators": {
                "pool": "gpu",
                "window_seconds": 1,
                "activity": [utilisation],
            },
            "mapping": [{"match": {"namespace": "ml"}, "model": "fraud"}],
        },
        tmp_path,
        0,
        {},
        dict,
        dict,
        int,
    )
    case.ingest()
    rows = case.query(
        "SELECT model_id, round(used_gpu_hours * 3600, 6)"
        " FROM evidence.accelerator_usage ORDER BY 1 NULLS LAST"
    )
    assert rows == [("fraud", Decimal("12.71")), (None, Decimal(0))]


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({}, "either 'base_url'"),
        ({"base_url": "http://x", "path": "y"}, "either 'base_url'"),
        ({"path": "y", "usage": None}, "needs 'preset', 'accelerators' or 'usage'"),
        ({"path": "y", "usage": {}}, "needs 'latency' or one of requests"),
        ({"path": "y", "usage": {"requests": "rate(x[5m])"}}, "no series selector"),
        ({"base_url": "https://u:p@x"}, "without credentials"),
        (
            {"path": "y", "usage": {"requests": "x", "step_seconds": 7}},
            "divide an hour",
        ),
        (
            {
                "path": "y",
                "longest_gap_minutes": 1,
                "usage": {"requests": "x", "step_seconds": 300},
            },
            "'longest_gap_minutes' is shorter",
        ),
        ({"path": "y", "credential_prefix": "a b"}, "should match pattern"),
    ],
)
def test_a_wrong_option_says_what_is_right(
    options: dict[str, Any], complaint: str
) -> None:
    given: dict[str, Any] = {"usage": {"requests": "requests_total"}}
    given |= options
    with pytest.raises(ValidationError, match=complaint):
        PrometheusConfig(name="x", type="prometheus", **given)


def test_an_address_may_end_in_the_path_of_the_api() -> None:
    config = PrometheusConfig(
        name="x",
        type="prometheus",
        base_url="https://metrics.example/prometheus/api/v1/",
        usage={"requests": "x"},
    )
    assert config.base_url == "https://metrics.example/prometheus"


def test_a_body_that_is_no_answer_of_prometheus_is_refused(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = usage_case(server, tmp_path)
    server.route("GET", "/api/v1/query_range", lambda _: Answer({"hello": "there"}))
    error = first_failure(case)
    assert isinstance(error, MalformedDeliveryError)
    assert "no answer of Prometheus" in str(error)


def test_a_day_that_can_no_longer_grow_is_asked_for_once(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = usage_case(server, tmp_path)
    case.options |= {"lag_days": 0, "start_date": DAY - timedelta(days=3)}
    window = Window(None, DAY - timedelta(days=2))
    offered = list(case.connector().deliveries(window))
    assert len(offered) == 1
    # Nothing is asked before it is read: there is nothing that could have changed.
    assert server.requests == []
    later = list(case.connector().deliveries(window))
    assert [one.fingerprint for one in later] == [one.fingerprint for one in offered]


def test_a_day_that_a_server_half_forgot_is_not_read_again(
    server: LoopbackPrometheus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prometheus keeps 15 days, to the hour: of the 15th day before, the rest of it."""
    case = usage_case(server, tmp_path)
    del case.options["start_date"]
    case.ingest().raise_first_failure()
    eleven = datetime.fromtimestamp((MIDNIGHT + 11 * HOUR) / 1_000, UTC)
    monkeypatch.setattr(module, "_now", lambda: eleven + timedelta(days=15))
    for series in server.series:
        kept = len(series.between(MIDNIGHT + 11 * HOUR, MIDNIGHT + 24 * HOUR))
        series.moments, series.texts = series.moments[-kept:], series.texts[-kept:]
    case.ingest().raise_first_failure()
    assert usage_rows(case) == EXPECTED_USAGE


def test_gpus_are_silent_only_when_no_metric_of_them_is_there(
    server: LoopbackPrometheus, tmp_path: Path
) -> None:
    case = accelerator_case(server, tmp_path)
    assert not any("no series" in note for note in case.ingest().notes)
    server.series.clear()
    either = "DCGM_FI_PROF_GR_ENGINE_ACTIVE or DCGM_FI_DEV_GPU_UTIL: no series now."
    assert [one.message for one in case.connector().check()] == [either]


def test_a_folder_without_recordings_is_said_to_be_empty(tmp_path: Path) -> None:
    (tmp_path / "recorded").mkdir()
    options: dict[str, object] = {
        "path": "recorded",
        "usage": {"requests": "requests_total"},
    }
    case = ConnectorCase("prometheus", options, tmp_path, 0, {}, dict, dict, int)
    [finding] = case.connector().check()
    assert not finding.is_ok
    report = case.ingest()
    assert report.failures == []
    assert "recorded: requests_total: no series" in " ".join(report.notes)
    case.options["path"] = "nowhere"
    [finding] = case.connector().check()
    assert "does not exist" in finding.message
