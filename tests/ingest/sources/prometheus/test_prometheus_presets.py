"""Presets: a line of configuration reads the counters of a model server."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.sources.prometheus.options import PrometheusConfig
from ingest.sources.prometheus.presets import presets
from ingest.testing import ConnectorCase
from tests.ingest.servers.real_prometheus import (
    MISSING_REASON,
    is_installed,
    real_prometheus,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = datetime.now(UTC).date() - timedelta(days=2)
MIDNIGHT = int(datetime(DAY.year, DAY.month, DAY.day, tzinfo=UTC).timestamp())
SCRAPE = 30
SCRAPES = 241
_OF_LLM_D = "llm_d_epp_request_duration_seconds"
_OF_GATEWAY = "inference_objective_request_duration_seconds"
#: What each server exposes, as its project documents it, with the count per scrape.
EXPOSED = {
    "vllm": {
        'vllm:request_success_total{model_name="m",finished_reason="stop"}': 7,
        'vllm:request_success_total{model_name="m",finished_reason="length"}': 2,
        'vllm:request_success_total{model_name="m",finished_reason="abort"}': 1,
        'vllm:prompt_tokens_total{model_name="m"}': 900,
        'vllm:prefix_cache_hits_total{model_name="m"}': 300,
        'vllm:generation_tokens_total{model_name="m"}': 400,
        'vllm:e2e_request_latency_seconds_bucket{model_name="m",le="0.5"}': 6,
        'vllm:e2e_request_latency_seconds_bucket{model_name="m",le="+Inf"}': 10,
    },
    "llm-d": {
        'llm_d_epp_request_total{model_name="a",target_model_name="m",priority="0"}': 6,
        'llm_d_epp_request_total{model_name="b",target_model_name="m"}': 4,
        'llm_d_epp_request_input_tokens_sum{target_model_name="m"}': 900,
        'llm_d_epp_request_cached_tokens_sum{target_model_name="m"}': 300,
        'llm_d_epp_request_output_tokens_sum{target_model_name="m"}': 400,
        f'{_OF_LLM_D}_bucket{{target_model_name="m",le="0.4"}}': 6,
        f'{_OF_LLM_D}_bucket{{target_model_name="m",le="+Inf"}}': 10,
    },
    "inference-gateway": {
        'inference_objective_request_total{model_name="a",target_model_name="m"}': 10,
        'inference_objective_input_tokens_sum{target_model_name="m"}': 900,
        'inference_objective_prompt_cached_tokens_sum{model_name="m"}': 300,
        'inference_objective_output_tokens_sum{model_name="m"}': 400,
        f'{_OF_GATEWAY}_bucket{{model_name="m",le="0.4"}}': 6,
        f'{_OF_GATEWAY}_bucket{{model_name="m",le="+Inf"}}': 10,
    },
    "kserve": {
        'request_predict_seconds_count{model_name="m"}': 10,
        'request_predict_seconds_bucket{model_name="m",le="0.5"}': 6,
        'request_predict_seconds_bucket{model_name="m",le="+Inf"}': 10,
    },
    "tgi": {
        "tgi_request_count": 10,
        "tgi_request_success": 9,
        "tgi_request_input_length_sum": 900,
        "tgi_request_generated_tokens_sum": 400,
        'tgi_request_duration_bucket{le="0.5"}': 6,
        'tgi_request_duration_bucket{le="+Inf"}': 10,
    },
    "triton": {
        'nv_inference_request_success{model="m",version="1"}': 9,
        'nv_inference_request_failure{model="m",version="1",reason="BACKEND"}': 1,
        'nv_inference_count{model="m",version="1"}': 70,
    },
}
#: Requests, successes, input, cached and output tokens per scrape, and requests that
#: were answered within the smallest bound.
PER_SCRAPE: dict[str, tuple[int | None, ...]] = {
    "vllm": (10, 9, 900, 300, 400, 6),
    "llm-d": (10, None, 900, 300, 400, 6),
    "inference-gateway": (10, None, 900, 300, 400, 6),
    "kserve": (10, None, None, None, None, 6),
    "tgi": (10, 9, 900, None, 400, 6),
    "triton": (10, 9, None, None, None, None),
}


def _exposition() -> Iterator[str]:
    """Yield two hours of scrapes from eight o'clock, and a GPU at a quarter load."""
    for counters in EXPOSED.values():
        for series, count in counters.items():
            yield from _series(series, [count * scrape for scrape in range(SCRAPES)])
    gpu = 'UUID="GPU-a",modelName="NVIDIA H100 80GB HBM3",hostname="node-1",pod="p"'
    yield from _series(f"DCGM_FI_DEV_GPU_UTIL{{{gpu}}}", [25] * SCRAPES)
    yield "# EOF\n"


def _series(series: str, values: list[int]) -> Iterator[str]:
    """Yield the samples of a series, from eight o'clock."""
    for scrape, value in enumerate(values):
        yield f"{series} {value} {MIDNIGHT + 8 * 3_600 + scrape * SCRAPE}"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Run a Prometheus that scraped every server for two hours."""
    if not is_installed():
        pytest.skip(MISSING_REASON)
    with real_prometheus(
        tmp_path_factory.mktemp("server"), history="\n".join(_exposition())
    ) as url:
        yield url


def _case(root: Path, options: dict[str, Any]) -> ConnectorCase:
    options = {**options, "start_date": DAY}
    return ConnectorCase("prometheus", options, root, 0, {}, dict, dict, int)


@pytest.mark.emulator
@pytest.mark.parametrize("preset", EXPOSED)
def test_one_line_reads_the_counters_of_a_server(
    preset: str, server: str, tmp_path: Path
) -> None:
    case = _case(tmp_path, {"base_url": server, "preset": preset})
    assert case.ingest().failures == []
    rows = case.query(
        "SELECT hour(period_start), model_id, requests, successful_requests,"
        " input_tokens, cached_input_tokens, output_tokens, latency_histogram"
        " FROM evidence.model_usage ORDER BY 1"
    )
    model = None if preset == "tgi" else "m"
    # 120 scrapes after the first of an hour; the scrape at the turn ends the hour.
    *counts, quick = PER_SCRAPE[preset]
    expected = [None if count is None else Decimal(count) * 120 for count in counts]
    assert [row[:7] for row in rows] == [(hour, model, *expected) for hour in (8, 9)]
    for *_, histogram in rows:
        buckets = json.loads(str(histogram)) if histogram else {}
        assert list(buckets.values()) == ([quick * 120, 1_200] if quick else [])


@pytest.mark.emulator
def test_the_preset_of_gpus_is_read_next_to_that_of_a_server(
    server: str, tmp_path: Path
) -> None:
    case = _case(
        tmp_path,
        {
            "base_url": server,
            "preset": ["dcgm", "vllm"],
            "mapping": [{"match": {"pod": "p"}, "model": "detector"}],
        },
    )
    assert case.ingest().failures == []
    [(held, used)] = case.query(
        "SELECT sum(requested_gpu_hours), sum(used_gpu_hours)"
        " FROM evidence.accelerator_usage"
        " WHERE hour(period_start) IN (8, 9) AND model_id = 'detector'"
    )
    assert (held, used) == (Decimal(2), Decimal("0.5"))
    [(tokens,)] = case.query("SELECT sum(output_tokens) FROM evidence.model_usage")
    assert tokens == 2 * 120 * 400


def test_options_come_before_those_of_a_preset() -> None:
    config = PrometheusConfig.model_validate(
        {
            "name": "x",
            "type": "prometheus",
            "path": "y",
            "preset": "vllm",
            "usage": {"requests": "http_requests_total", "pool": "serving"},
            "mapping": [{"match": {"pod": "p"}, "model": "detector"}],
        }
    )
    assert config.usage is not None
    assert config.usage.requests == ("http_requests_total",)
    assert config.usage.output_tokens == ("vllm:generation_tokens_total",)
    assert [rule.model for rule in config.mapping] == ["detector", "${model_name}"]


@pytest.mark.parametrize(
    ("preset", "message"),
    [
        ("ollama", "'ollama' is no preset; there are vllm, llm-d"),
        (["vllm", "llm-d"], "'vllm' and 'llm-d' both read usage"),
        (7, "preset"),
    ],
)
def test_presets_that_cannot_be_meant_are_refused(preset: object, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        PrometheusConfig.model_validate(
            {"name": "x", "type": "prometheus", "path": "y", "preset": preset}
        )


def test_every_preset_names_its_source_and_day() -> None:
    for preset in presets().values():
        assert preset["documented"]
        assert isinstance(preset["read"], date)
