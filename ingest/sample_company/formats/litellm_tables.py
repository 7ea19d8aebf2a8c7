"""LiteLLM's table of daily spend by team, as it is exported to CSV."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from ingest.sample_company.api_spending import GATEWAY_KEY
from ingest.sample_company.formats.answers import made_up_uuid
from ingest.sample_company.formats.model_api_answers import OPENAI_MODEL
from ingest.sample_company.formats.tables import write_csv
from ingest.sample_company.organisation import MODELS

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.metering import Meters, UsageSeries
    from ingest.sample_company.timeline import Timeline

_HEADER: Final = (
    "id", "team_id", "date", "api_key", "model", "model_group", "custom_llm_provider",
    "prompt_tokens", "completion_tokens", "cache_read_input_tokens",
    "cache_creation_input_tokens", "spend", "api_requests", "successful_requests",
    "failed_requests",
)  # fmt: skip
#: Provider, model, and dollars for a million tokens: input, cached, output.
_ROUTES: Final = {
    "openai-key": ("openai", OPENAI_MODEL, (2.50, 1.25, 10.00)),
    "llm-gateway": ("vertex_ai", "gemini-2.5-pro", (2.40, 0.60, 9.60)),
}
_OUTPUT_PER_REQUEST: Final = 450
_TEAMS: Final = {model.id: model.team for model in MODELS}


def write_litellm(path: Path, meters: Meters, timeline: Timeline) -> int:
    """Write a row per team, route and day, and a row with a word for tokens."""
    rows = [
        _row(one, pool, day, timeline)
        for day in range(timeline.day_count)
        for pool in _ROUTES
        for one in meters.of_pool(pool)
        if one.is_active[day]
    ]
    hostile = list(rows[-1])
    hostile[0], hostile[7] = made_up_uuid("hostile"), "many"
    write_csv(path, _HEADER, [*rows, hostile])
    return len(rows)


def _row(series: UsageSeries, pool: str, day: int, timeline: Timeline) -> list[object]:
    assert series.input_tokens is not None  # noqa: S101
    assert series.cached_tokens is not None  # noqa: S101
    assert series.output_tokens is not None  # noqa: S101
    provider, model, prices = _ROUTES[pool]
    whole, cached, output = (
        int(values[day])
        for values in (series.input_tokens, series.cached_tokens, series.output_tokens)
    )
    counts = (whole - cached, cached, output)
    spend = sum(n * price for n, price in zip(counts, prices, strict=True)) / 1e6
    requests = max(1, output // _OUTPUT_PER_REQUEST)
    failed = requests // 200
    date = timeline.first_day + timedelta(days=day)
    return [
        made_up_uuid("litellm", pool, series.model, str(date)),
        _TEAMS[series.model], date,
        GATEWAY_KEY, f"{provider}/{model}", model, provider, whole, output, cached, 0,
        f"{spend:.6f}", requests, requests - failed, failed,
    ]  # fmt: skip
