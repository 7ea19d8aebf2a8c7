"""Read lines of Langfuse: a generation, or a row of its metrics.

``usageDetails`` are exclusive buckets: the input of a generation is the sum of all that
name input, a prompt or a cache. ``total`` repeats the others, and units other than
tokens (images, characters, seconds) have neither name and are left out.

Latency is seconds in observations and milliseconds in metrics; nothing here is read
from it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ingest.sources.llm_gateways.gateway_usage import (
    Origin,
    Reading,
    UnreadableError,
    as_text,
    feature_in,
    to_cost,
    to_count,
    to_moment,
)
from ingest.sources.llm_gateways.model_providers import provider_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ingest.reading.text_rows import Row
    from ingest.sources.llm_gateways.gateway_usage import Line

#: Labels that a rule of the mapping may match.
LABELS = ("environment", "model", "name", "provider", "release", "tag", "trace_name")
#: Dimensions by which metrics are asked for, in the API's own names.
DIMENSIONS = ("providedModelName", "tags", "environment", "traceName", "level")

_CACHE_WRITES = ("creat", "write")
_INPUT_NAMES = ("input", "prompt", "cache")
_OUTPUT_NAMES = ("output", "completion", "reasoning")


@dataclass(frozen=True, slots=True)
class LineReader:
    """Reader of observations and metrics rows, by a source's settings.

    Parameters
    ----------
    feature_tag_prefix : str
        Beginning of the tag that names the feature; empty: the first tag.
    providers : mapping of str to str
        Beginning of a model's name → provider; Langfuse knows only models.
    """

    feature_tag_prefix: str = ""
    providers: Mapping[str, str] = field(default_factory=dict)

    def of_observation(self, line: Line) -> Reading:
        """Return the reading of a generation.

        Raises
        ------
        UnreadableError
            A value cannot count.
        """
        tokens = _tokens(line.get("usageDetails"))
        costs = line.get("costDetails") or {}
        cost = line.get("totalCost")
        return Reading(
            to_moment(line.get("startTime"), "startTime"),
            self._origin(line),
            self._labels(line),
            requests=1,
            successful_requests=int(line.get("level") != "ERROR"),
            input_tokens=tokens.input,
            cache_read_tokens=tokens.cache_read,
            cache_write_tokens=tokens.cache_write,
            output_tokens=tokens.output,
            reasoning_tokens=tokens.reasoning,
            cost=to_cost(costs.get("total") if cost is None else cost, "totalCost"),
        )

    def of_metrics(self, line: Line) -> Reading:
        """Return the reading of a metrics row; its cached tokens are unknown.

        Raises
        ------
        UnreadableError
            A value cannot count.
        """
        requests = to_count(line.get("count_count"), "count") or 0
        return Reading(
            to_moment(line.get("time_dimension"), "time_dimension"),
            self._origin(line),
            self._labels(line),
            requests=requests,
            successful_requests=0 if line.get("level") == "ERROR" else requests,
            input_tokens=to_count(line.get("sum_inputTokens"), "inputTokens"),
            output_tokens=to_count(line.get("sum_outputTokens"), "outputTokens"),
            cost=to_cost(line.get("sum_totalCost"), "totalCost"),
        )

    def _origin(self, line: Line) -> Origin:
        model = as_text(line.get("providedModelName")) or None
        return Origin(
            provider=provider_of(model, self.providers),
            provider_model=model,
            project_id=as_text(line.get("projectId")) or None,
            feature_tag=feature_in(_tags(line), self.feature_tag_prefix),
        )

    def _labels(self, line: Line) -> dict[str, tuple[str, ...]]:
        model = as_text(line.get("providedModelName")) or None
        return {
            "environment": _present(line.get("environment")),
            "model": _present(model),
            "name": _present(line.get("name")),
            "provider": _present(provider_of(model, self.providers)),
            "release": _present(line.get("release")),
            "tag": tuple(_tags(line)),
            "trace_name": _present(line.get("traceName")),
        }


def refused_observation(line: Line) -> Row:
    """Return the kept fields of a generation that cannot count."""
    usage = line.get("usageDetails")
    stated = usage if isinstance(usage, dict) else {}
    return {
        "period_start": as_text(line.get("startTime")),
        "provider_model": as_text(line.get("providedModelName")),
        "input_tokens": as_text(stated.get("input")),
        "output_tokens": as_text(stated.get("output")),
        "estimated_spend_amount": as_text(line.get("totalCost")),
        "currency": "USD",
    }


def refused_metrics(line: Line) -> Row:
    """Return the kept fields of a row of metrics that cannot count."""
    return {
        "period_start": as_text(line.get("time_dimension")),
        "provider_model": as_text(line.get("providedModelName")),
        "requests": as_text(line.get("count_count")),
        "input_tokens": as_text(line.get("sum_inputTokens")),
        "output_tokens": as_text(line.get("sum_outputTokens")),
        "estimated_spend_amount": as_text(line.get("sum_totalCost")),
        "currency": "USD",
    }


@dataclass(slots=True)
class _Tokens:
    input: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    output: int | None = None
    reasoning: int | None = None


def _tokens(usage: object) -> _Tokens:
    """Return the sums of the exclusive buckets."""
    if usage is None:
        return _Tokens()
    if not isinstance(usage, dict):
        raise UnreadableError("usageDetails")
    tokens = _Tokens()
    for name, value in usage.items():
        count, key = to_count(value, name), str(name).lower()
        if count is None or key == "total":
            continue
        if any(part in key for part in _OUTPUT_NAMES):
            tokens.output = (tokens.output or 0) + count
            reasoned = count if "reasoning" in key else 0
            tokens.reasoning = (tokens.reasoning or 0) + reasoned
        elif any(part in key for part in _INPUT_NAMES):
            tokens.input = (tokens.input or 0) + count
            _add_cached(tokens, key, count)
    if tokens.input is not None and tokens.cache_read is None:
        # Buckets are whole: no bucket of cached tokens means that there were none.
        tokens.cache_read = 0
    return tokens


def _add_cached(tokens: _Tokens, key: str, count: int) -> None:
    if "cache" not in key:
        return
    if any(part in key for part in _CACHE_WRITES):
        tokens.cache_write = (tokens.cache_write or 0) + count
    else:
        tokens.cache_read = (tokens.cache_read or 0) + count


def _tags(line: Line) -> Sequence[str]:
    tags = line.get("tags")
    if isinstance(tags, str):
        return (tags,) if tags else ()
    return tuple(str(tag) for tag in tags or () if tag)


def _present(value: object) -> tuple[str, ...]:
    return (str(value),) if value else ()
