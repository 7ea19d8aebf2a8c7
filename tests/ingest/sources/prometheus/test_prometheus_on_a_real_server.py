"""The connector against Debian's Prometheus: what PromQL really answers."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import httpx
import pytest

from ingest.http.client import HttpClient
from ingest.sources.prometheus.api import DaySamples, PrometheusApi
from ingest.sources.prometheus.selector import Selector
from ingest.sources.prometheus.series import heal
from ingest.testing import ConnectorCase
from tests.ingest.servers.real_prometheus import (
    MISSING_REASON,
    Exporter,
    is_installed,
    real_prometheus,
)
from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.emulator,
    pytest.mark.skipif(not is_installed(), reason=MISSING_REASON),
]

DAY = datetime.now(UTC).date() - timedelta(days=2)
MIDNIGHT = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp())
HOUR = 3_600
SCRAPE = 30
H100 = 'UUID="GPU-a",modelName="NVIDIA H100 80GB HBM3"'


def history() -> str:
    """Return what a server scraped each half minute from 8 to 12 on that day."""
    active: list[str] = []
    requests: list[str] = []
    buckets: dict[str, list[str]] = {"0.1": [], "1.0": [], "+Inf": []}
    seen = 0
    for second in range(8 * HOUR, 12 * HOUR + 1, SCRAPE):
        # Nothing is scraped from 10:10 to 10:30.
        if 10 * HOUR + 600 < second < 10 * HOUR + 1_800:
            seen += 3
            continue
        moment = MIDNIGHT + second
        node = "Hostname" if second < 9 * HOUR else "hostname"
        labels = f'{{{H100},{node}="node-1",namespace="ml",pod="eta-1"}}'
        active.append(f"ENGINE_ACTIVE{labels} 0.25 {moment}")
        seen = 0 if second == 11 * HOUR else seen + 3
        job = '{job="inference",pod="eta-1",code="200"}'
        requests.append(f"requests_total{job} {seen} {moment}")
        for bound, part in (("0.1", 1), ("1.0", 2), ("+Inf", 3)):
            text = f'latency_bucket{{job="inference",pod="eta-1",le="{bound}"}}'
            buckets[bound].append(f"{text} {seen * part // 3} {moment}")
    lines = ["# TYPE ENGINE_ACTIVE gauge", *active]
    lines += ["# TYPE requests counter", *requests, "# TYPE latency histogram"]
    lines += [line for bound in buckets.values() for line in bound]
    return "\n".join([*lines, "# EOF", ""])


def test_a_day_of_a_real_server_is_read_to_the_last_request(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()
    with real_prometheus(tmp_path / "server", history=history()) as url:
        case = ConnectorCase(
            "prometheus",
            {
                "base_url": url,
                "accelerators": {
                    "pool": "gpu",
                    "activity": [{"selector": "ENGINE_ACTIVE", "unit": "ratio"}],
                },
                "usage": {
                    "requests": 'requests_total{code=~"2.."}',
                    "latency": {"selector": "latency_bucket"},
                },
                "mapping": [{"match": {"pod": {"prefix": "eta-"}}, "model": "eta"}],
                "start_date": DAY,
                "points_per_query": 400,
            },
            tmp_path,
            0,
            {},
            dict,
            dict,
            int,
        )
        assert case.ingest().failures == []
        assert case.ingest().committed == []
    usage = case.query(
        "SELECT hour(period_start), requests, latency_histogram"
        " FROM evidence.model_usage ORDER BY 1"
    )
    # Three requests a scrape, two scrapes a minute: 360 an hour. The pause after ten
    # is bridged. At eleven sharp the counter was reset: what it counted in the minute
    # before is in no sample that was asked for.
    assert [(hour, int(str(n).split(".")[0])) for hour, n, _ in usage] == [
        (8, 360),
        (9, 360),
        (10, 354),
        (11, 360),
    ]
    for _, requests, text in usage:
        counts = json.loads(str(text))
        assert list(counts) == ["0.1", "1", "+Inf"]
        assert counts["+Inf"] == requests
        assert counts["1"] == pytest.approx(float(str(requests)) * 2 / 3, abs=1)
    hours = case.query(
        "SELECT hour(period_start), model_id, capacity_gpu_hours,"
        " requested_gpu_hours, used_gpu_hours FROM evidence.accelerator_usage"
        " WHERE hour(period_start) BETWEEN 8 AND 11 AND model_id = 'eta' ORDER BY 1"
    )
    # Of ten to eleven, three whole windows of five minutes have no scrape.
    held = {8: Decimal(1), 9: Decimal(1), 10: Decimal("0.75"), 11: Decimal(1)}
    assert hours == [
        (hour, "eta", None, requested, requested / 4)
        for hour, requested in held.items()
    ]
    nobody = case.query(
        "SELECT hour(period_start), capacity_gpu_hours, requested_gpu_hours"
        " FROM evidence.accelerator_usage"
        " WHERE hour(period_start) BETWEEN 8 AND 11 AND model_id IS NULL ORDER BY 1"
    )
    assert nobody == [(hour, Decimal(1), 1 - held[hour]) for hour in held]


@pytest.mark.full
def test_a_real_server_scrapes_an_exporter_and_a_gap_stays_a_gap(
    tmp_path: Path,
) -> None:
    with (
        Exporter() as exporter,
        real_prometheus(tmp_path, target=exporter.address) as url,
    ):
        exporter.text = f'ENGINE_ACTIVE{{{H100},Hostname="node-1"}} 0.5\nn_total 7\n'
        start = _wait_for(url, "ENGINE_ACTIVE", 3)
        exporter.is_up = False
        time.sleep(3)
        exporter.is_up = True
        exporter.text = f'ENGINE_ACTIVE{{{H100},hostname="node-1"}} 0.75\nn_total 9\n'
        end = _wait_for(url, 'ENGINE_ACTIVE{hostname="node-1"}', 3)
        with HttpClient(base_url=url, source="metrics") as client:
            api = PrometheusApi(client, source="metrics", points_per_query=4)
            samples = DaySamples(
                api, start_ms=(start - 10) * 1_000, end_ms=end * 1_000, margin_ms=0
            )
            [gpu] = heal(
                samples.series(Selector("ENGINE_ACTIVE"), step_ms=1_000), renamed={}
            )
            up = samples.series(Selector("up"), step_ms=1_000)[0]
            assert api.now("count(ENGINE_ACTIVE)")[0].points[0][1] == 1
            with pytest.raises(FatalSourceError, match="parse error"):
                api.now("ENGINE_ACTIVE{")
    values = [value for _, value in gpu.points]
    assert values == sorted(values, key=lambda value: value or 0)
    assert set(values) == {Decimal("0.5"), Decimal("0.75")}
    down = {moment for moment, value in up.points if value == 0}
    assert len(down) >= 2
    assert not down & {moment for moment, _ in gpu.points}


def _wait_for(url: str, query: str, count: int) -> int:
    """Wait until so many samples were scraped; return the moment [s]."""
    question = {"query": f"count_over_time({query}[1m])"}
    with httpx.Client(trust_env=False) as client:
        for _ in range(100):
            answer = client.get(f"{url}/api/v1/query", params=question).json()
            result = answer["data"]["result"]
            if result and int(result[0]["value"][1]) >= count:
                return int(result[0]["value"][0])
            time.sleep(0.2)
    message = f"{query} was not scraped"
    raise AssertionError(message)
