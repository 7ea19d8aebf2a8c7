"""LiteLLM's daily activity: which days have traffic, and each day by model and key.

The answer comes in pages of table rows, already grouped by day, so a day may be on two
pages; its figures are added.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ingest.http.pages import numbered_pages
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.http.client import HttpClient

_PAGE_SIZE = 1000
_METRICS = (
    "spend",
    "prompt_tokens",
    "completion_tokens",
    "cache_read_input_tokens",
    "cache_creation_input_tokens",
    "api_requests",
    "successful_requests",
)
#: Metrics that older versions do not have stay unknown.
_MAY_BE_ABSENT = frozenset(
    {"cache_read_input_tokens", "cache_creation_input_tokens", "successful_requests"}
)


@dataclass(frozen=True, slots=True)
class DayOfActivity:
    """A day: its change marker, and its lines by model and key."""

    date: date
    fingerprint: str
    lines: tuple[dict[str, Any], ...]


@dataclass(slots=True)
class _Day:
    totals: dict[str, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    lines: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    providers: set[str] = field(default_factory=set)


def daily_activity(
    client: HttpClient, path: str, start: date, end: date, *, source: str
) -> list[DayOfActivity]:
    """Return the days with traffic from ``start`` to ``end``, both included.

    Raises
    ------
    MalformedDeliveryError
        The answer is not of the form that the API promises.
    """
    if end < start:
        return []
    query = {"start_date": start, "end_date": end, "page_size": _PAGE_SIZE}
    days: dict[date, _Day] = defaultdict(_Day)
    for page in numbered_pages(
        lambda number: client.get_json(path, params={**query, "page": number}),
        items=lambda page: page["results"],
        is_last=_is_last,
        source=source,
    ):
        try:
            for result in page["results"]:
                _add(days[date.fromisoformat(result["date"])], result)
        except (AttributeError, KeyError, TypeError, ValueError, ArithmeticError) as e:
            raise MalformedDeliveryError(
                "Unexpected response format of the daily activity.",
                where=source,
                next_step="See which version the proxy runs; nothing was loaded.",
            ) from e
    return [_finished(day, days[day]) for day in sorted(days)]


def _is_last(page: Mapping[str, Any], number: int) -> bool:
    metadata = page["metadata"]
    if "has_more" in metadata:
        return not metadata["has_more"]
    return number >= int(metadata.get("total_pages") or 1)


def _add(day: _Day, result: Mapping[str, Any]) -> None:
    breakdown = result.get("breakdown") or {}
    for name in _METRICS:
        day.totals[name] += Decimal(str(result["metrics"].get(name) or 0))
    day.providers |= set(breakdown.get("providers") or {})
    for model, key, entry in _entries(breakdown.get("models") or {}):
        metadata = entry.get("metadata") or {}
        line = day.lines.setdefault(
            (model, key),
            {
                "model": model,
                "api_key": key or None,
                "team_id": metadata.get("team_id"),
                "key_alias": metadata.get("key_alias"),
            },
        )
        _add_metrics(line, entry.get("metrics", entry))


def _entries(
    models: Mapping[str, Any],
) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Yield model, key and figures; without keys, the model's own figures."""
    for model, entry in models.items():
        keys = entry.get("api_key_breakdown") or {}
        if not keys:
            yield model, "", entry
        for key, of_key in keys.items():
            yield model, key, of_key


def _add_metrics(line: dict[str, Any], metrics: Mapping[str, Any]) -> None:
    for name in _METRICS:
        value = metrics.get(name)
        if value is None and name in _MAY_BE_ABSENT:
            continue
        try:
            line[name] = Decimal(str(line.get(name) or 0)) + Decimal(str(value or 0))
        except ArithmeticError:
            line[name] = value  # refused when it is read, with what was delivered


def _finished(day: date, found: _Day) -> DayOfActivity:
    only = next(iter(found.providers)) if len(found.providers) == 1 else None
    provider = None if only == "unknown" else only
    lines = tuple(
        {**line, "date": day.isoformat(), "custom_llm_provider": provider}
        for _, line in sorted(found.lines.items())
    )
    text = repr(sorted((name, str(v.normalize())) for name, v in found.totals.items()))
    return DayOfActivity(day, hashlib.sha256(text.encode()).hexdigest()[:32], lines)
