"""Recorded answers of OpenAI's and Anthropic's admin APIs: daily costs, and usage."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from ingest.sample_company.api_spending import (
    GATEWAY_KEY,
    INVOICE_WORKSPACE,
    RESEARCH_PROJECT,
)
from ingest.sample_company.charges import DAY_SECONDS
from ingest.sample_company.formats.answers import json_number, moment, write_json
from ingest.sample_company.money import UNITS, to_decimal
from ingest.sample_company.timeline import epoch_seconds

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.charges import Lines
    from ingest.sample_company.metering import Meters
    from ingest.sample_company.timeline import Month, Timeline

OPENAI_MODEL: Final = "gpt-4o-2024-08-06"
ANTHROPIC_MODEL: Final = "claude-sonnet-4-20250514"
_PROJECTS: Final = {
    "proj_gateway": "LLM gateway",
    RESEARCH_PROJECT: "Research",
    "proj_default": "Default project",
}
_TOKEN_WORDS: Final = {
    "uncached_input_tokens": "Input Tokens",
    "cache_read_input_tokens": "Input Tokens, Cache Read",
    "output_tokens": "Output Tokens",
}

_Node = dict[str, Any]


class ModelApiMonth:
    """Days of a month of a single vendor, as results by day [s].

    ``tokens`` counts the paid tokens by day and tags, by the meter of the price.
    """

    def __init__(self, month: Month) -> None:
        self.month = month
        self.lines: list[Lines] = []
        self.tokens: dict[tuple[int, tuple[tuple[str, str], ...]], dict[str, int]] = (
            defaultdict(dict)
        )

    def add(self, lines: Lines) -> None:
        """Add the lines of a charge: a line per day."""
        self.lines.append(lines)
        sku = lines.charge.sku
        for day, amount in zip(
            lines.started_at.tolist(), lines.amount.tolist(), strict=True
        ):
            count = round(amount / UNITS / sku.price * sku.consumed_per_unit)
            self.tokens[day, lines.charge.tags][sku.key.partition("-")[2]] = count

    def days(self) -> range:
        """Return the days [s]."""
        start = epoch_seconds(self.month.first_day)
        return range(start, epoch_seconds(self.month.end), DAY_SECONDS)

    def results(self, make: Any) -> dict[int, list[_Node]]:  # noqa: ANN401
        """Return ``make(lines, amount)`` of every line by day."""
        nodes: dict[int, list[_Node]] = {day: [] for day in self.days()}
        for lines in self.lines:
            for day, amount in zip(
                lines.started_at.tolist(), lines.amount.tolist(), strict=True
            ):
                nodes[day].append(make(lines, amount))
        return nodes


def write_openai(
    folder: Path, recorded: ModelApiMonth, timeline: Timeline, meters: Meters
) -> None:
    """Write a month of OpenAI; the last month has an unreadable cost."""
    base = folder / "v1" / "organization"
    costs = recorded.results(_openai_cost)
    if recorded.month.end == timeline.end:
        hostile = costs[recorded.days()[-1]]
        amount = {"value": "see invoice", "currency": "usd"}
        hostile.append({**hostile[0], "line_item": "images", "amount": amount})
    usage = {
        day: [
            _openai_usage(dict(tags), recorded.tokens[day, tags], day, timeline, meters)
            for at, tags in recorded.tokens
            if at == day
        ]
        for day in recorded.days()
    }
    name = f"{recorded.month.label}.json.gz"
    write_json(base / "costs" / name, _openai_page(costs))
    write_json(base / "usage" / "completions" / name, _openai_page(usage))
    projects = [
        {"object": "organization.project", "id": id_, "name": name, "status": "active"}
        for id_, name in _PROJECTS.items()
    ]
    listing = {
        "object": "list",
        "data": projects,
        "last_id": "proj_default",
        "has_more": False,
    }
    write_json(base / "projects" / "all.json.gz", listing)


def _openai_cost(lines: Lines, amount: int) -> _Node:
    return {
        "object": "organization.costs.result",
        "amount": {"value": json_number(amount), "currency": "usd"},
        "line_item": lines.charge.sku.meter,
        **dict(lines.charge.tags),
    }


def _openai_usage(
    tags: dict[str, str],
    tokens: dict[str, int],
    day: int,
    timeline: Timeline,
    meters: Meters,
) -> _Node:
    """Return a key's usage: the gateway key has the gateway's own counts."""
    uncached, cached = tokens.get("in", 0), tokens.get("cached", 0)
    output = tokens.get("out", 0)
    if tags["api_key_id"] == GATEWAY_KEY:
        number = (day - epoch_seconds(timeline.first_day)) // DAY_SECONDS
        uncached, cached, output = _gateway_tokens(meters, number)
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": uncached + cached,
        "output_tokens": output,
        "input_cached_tokens": cached,
        "input_audio_tokens": 0,
        "output_audio_tokens": 0,
        "num_model_requests": max(1, output // 400),
        **tags,
        "user_id": None,
        "model": OPENAI_MODEL,
        "batch": None,
    }


def _gateway_tokens(meters: Meters, day: int) -> tuple[int, int, int]:
    series = meters.of_pool("openai-key")
    whole, cached, output = (
        sum(
            int(values[day])
            for one in series
            if (values := getattr(one, name)) is not None
        )
        for name in ("input_tokens", "cached_tokens", "output_tokens")
    )
    return whole - cached, cached, output


def _openai_page(results: dict[int, list[_Node]]) -> _Node:
    buckets = [
        {
            "object": "bucket",
            "start_time": day,
            "end_time": day + DAY_SECONDS,
            "results": found,
        }
        for day, found in results.items()
    ]
    return {"object": "page", "data": buckets, "has_more": False, "next_page": None}


def write_anthropic(folder: Path, recorded: ModelApiMonth, timeline: Timeline) -> None:
    """Write a month of Anthropic; the last month has an unreadable cost."""
    base = folder / "v1" / "organizations"
    costs = recorded.results(_anthropic_cost)
    if recorded.month.end == timeline.end:
        hostile = costs[recorded.days()[-1]]
        hostile.append({**hostile[0], "description": "Credit", "amount": "pending"})
    usage = {
        day: [
            _anthropic_usage(dict(tags), tokens)
            for (at, tags), tokens in recorded.tokens.items()
            if at == day
        ]
        for day in recorded.days()
    }
    name = f"{recorded.month.label}.json.gz"
    write_json(base / "cost_report" / name, _anthropic_page(costs))
    write_json(base / "usage_report" / "messages" / name, _anthropic_page(usage))
    workspace = {
        "id": INVOICE_WORKSPACE, "type": "workspace", "name": "Invoice reading",
        "archived_at": None,
    }  # fmt: skip
    listing = {
        "data": [workspace],
        "has_more": False,
        "first_id": INVOICE_WORKSPACE,
        "last_id": INVOICE_WORKSPACE,
    }
    write_json(base / "workspaces" / "all.json.gz", listing)


def _anthropic_cost(lines: Lines, amount: int) -> _Node:
    meter = lines.charge.sku.meter
    cents = f"{to_decimal(amount * 100):f}".rstrip("0").rstrip(".")
    return {
        "currency": "USD",
        "amount": cents,
        "description": f"Claude Sonnet 4 Usage - {_TOKEN_WORDS[meter]}",
        "cost_type": "tokens",
        "context_window": "0-200k",
        "model": ANTHROPIC_MODEL,
        "service_tier": "standard",
        "token_type": meter,
        "inference_geo": None,
        **dict(lines.charge.tags),
    }


def _anthropic_usage(tags: dict[str, str], tokens: dict[str, int]) -> _Node:
    return {
        "uncached_input_tokens": tokens.get("in", 0),
        "cache_creation": {
            "ephemeral_1h_input_tokens": 0,
            "ephemeral_5m_input_tokens": 0,
        },
        "cache_read_input_tokens": tokens.get("cached", 0),
        "output_tokens": tokens.get("out", 0),
        "server_tool_use": {"web_search_requests": 0},
        "api_key_id": "apikey_01invoices",
        **tags,
        "model": ANTHROPIC_MODEL,
        "service_tier": "standard",
        "context_window": None,
    }


def _anthropic_page(results: dict[int, list[_Node]]) -> _Node:
    buckets = [
        {
            "starting_at": moment(day),
            "ending_at": moment(day + DAY_SECONDS),
            "results": found,
        }
        for day, found in results.items()
    ]
    return {"data": buckets, "has_more": False, "next_page": None}
