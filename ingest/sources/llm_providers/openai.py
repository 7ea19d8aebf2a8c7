"""OpenAI: an organisation's daily charges, and usage.

Amounts are dollars, written as a number. ``input_tokens`` is the whole input: tokens
read from the cache and written to it are parts of it, and so are text, audio and image
tokens. Reasoning is part of the output, and charged like it. Costs name a line item and
no model; usage names a model and no money.

Source: OpenAI API 2.3.0, *organization/costs*, *organization/usage*,
*organization/projects*.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import Field, field_validator

from ingest.sources.llm_providers.llm_pages import (
    days_in,
    gather,
    names_by_id,
    pages_of,
)
from ingest.sources.llm_providers.llm_provider import (
    LlmProvider,
    LlmProviderConfig,
    tags_of,
    yesterday,
)
from ingest.sources.llm_providers.llm_results import Report, Result, Span, as_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.http.client import Params
    from ingest.reading.text_rows import Row
    from ingest.sources.llm_providers.llm_pages import Client
    from ingest.storage.recorded_answers import RecordedAnswers

CostDimension = Literal["project_id", "line_item", "api_key_id"]
#: Maximum number of daily buckets that a page of usage holds.
_DAYS_PER_PAGE = 31
_PROJECTS_PER_PAGE = 100
_BASE = "/v1/organization"
_PROJECTS = f"{_BASE}/projects"


@dataclass(frozen=True, slots=True)
class UsageKind:
    """Kind of usage report.

    ``quantity`` is the field that counts units other than tokens, in ``unit``. Without
    a field of ``requests``, they are counted by another report.
    """

    name: str
    dimensions: tuple[str, ...] = ("project_id", "api_key_id", "model")
    quantity: str = ""
    unit: str = ""
    requests: str = "num_model_requests"


USAGE_KINDS = {
    kind.name: kind
    for kind in (
        # Batches have separate prices.
        UsageKind("completions", ("project_id", "api_key_id", "model", "batch")),
        UsageKind("embeddings"),
        UsageKind("moderations"),
        UsageKind("images", quantity="images", unit="images"),
        UsageKind("audio_speeches", quantity="characters", unit="characters"),
        UsageKind("audio_transcriptions", quantity="seconds", unit="seconds"),
        UsageKind(
            "web_search_calls",
            quantity="num_requests",
            unit="calls",
            requests="",
        ),
        UsageKind(
            "file_search_calls",
            ("project_id", "api_key_id"),
            quantity="num_requests",
            unit="calls",
            requests="",
        ),
        UsageKind(
            "code_interpreter_sessions",
            ("project_id",),
            quantity="num_sessions",
            unit="sessions",
            requests="",
        ),
        UsageKind(
            "vector_stores",
            ("project_id",),
            quantity="usage_bytes",
            unit="bytes",
            requests="",
        ),
    )
}


class OpenAiConfig(LlmProviderConfig):
    """Options of an ``openai`` source: an organisation's costs and usage."""

    base_url: str = Field(
        default="https://api.openai.com",
        description="Address of the API, where it is not OpenAI's own.",
    )
    key_variable: str = Field(
        default="OPENAI_ADMIN_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable that holds the admin key.",
    )
    group_costs_by: tuple[CostDimension, ...] = Field(
        default=("project_id", "line_item", "api_key_id"),
        description="Dimensions of costs; the sum is the same.",
    )
    usage_kinds: tuple[str, ...] = Field(
        default=tuple(USAGE_KINDS),
        description="Usage reports to read.",
    )

    labels: ClassVar[frozenset[str]] = frozenset(
        {
            "project_id",
            "project_name",
            "api_key_id",
            "line_item",
            "provider_model",
            "usage_kind",
        }
    )

    @field_validator("usage_kinds")
    @classmethod
    def _are_known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in USAGE_KINDS:
                known = ", ".join(USAGE_KINDS)
                message = f"there is no usage report {name!r}; there are: {known}"
                raise ValueError(message)
        return names


class OpenAi(LlmProvider[OpenAiConfig]):
    """Source of an organisation of OpenAI."""

    type: ClassVar[str] = "openai"
    title: ClassVar[str] = "OpenAI"
    denied_advice: ClassVar[str] = (
        "Let {variable} hold an admin key that may read usage (scope api.usage.read)"
        " and, unless names is false, projects (api.management.read). An owner of the"
        " organisation makes it under Settings > Organization > Admin keys. A project's"
        " key is not enough."
    )

    def _headers(self, key: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {key}"}

    def _projects(self, client: Client) -> dict[str, str]:
        def params(after: str | None) -> Params:
            asked = {"limit": _PROJECTS_PER_PAGE, "include_archived": True}
            return {**asked, "after": after}

        where = f"{self._config.name}: OpenAI projects"
        return names_by_id(client, _PROJECTS, params, where=where)

    def _recorded_days(self, recorded: RecordedAnswers) -> Iterator[Span]:
        where = f"{self._config.name}: OpenAI costs"
        return days_in(recorded.bodies(f"{_BASE}/costs"), _day_of, where=where)

    def _cost_rows(self, client: Client, asked: Span) -> Iterator[Row]:
        dimensions = self._config.group_costs_by
        for result in self._report(client, "costs", asked, dimensions):
            yield self._cost_row(result)

    def _cost_row(self, result: Result) -> Row:
        amount = result.part("amount")
        labels = self._labels(result) | {"line_item": result.text("line_item")}
        return {
            "period_start": result.day.start.isoformat(),
            "period_end": result.day.end.isoformat(),
            "provider": "openai",
            "amount": amount.text("value"),
            "currency": amount.text("currency"),
            "project_id": labels["project_id"],
            "project_name": labels["project_name"],
            "api_key_id": labels["api_key_id"],
            "line_item": labels["line_item"],
            "quantity": result.text("quantity"),
            "quantity_unit": result.text("quantity_unit"),
            "tags": tags_of(self._target(labels)),
        }

    def _usage_rows(self, client: Client, asked: Span) -> Iterator[Row]:
        for name in self._config.usage_kinds:
            kind = USAGE_KINDS[name]
            path = f"usage/{kind.name}"
            for result in self._report(client, path, asked, kind.dimensions):
                yield self._usage_row(kind, result)

    def _usage_row(self, kind: UsageKind, result: Result) -> Row:
        model = {
            "provider_model": result.text("model"),
            "usage_kind": kind.name,
        }
        return {
            **self._usage_of(result, self._labels(result) | model),
            "requests": as_text(result.count(kind.requests)),
            "service_tier": _tier(result),
            **_tokens(result),
            "quantity": result.text(kind.quantity) if kind.quantity else None,
            "quantity_unit": kind.unit or None,
        }

    def _labels(self, result: Result) -> dict[str, str | None]:
        project_id = result.text("project_id")
        known = self._names.get(project_id or "")
        return {
            "project_id": project_id,
            "project_name": result.text("project_name") or known,
            "api_key_id": result.text("api_key_id"),
        }

    def _report(
        self,
        client: Client,
        path: str,
        asked: Span,
        dimensions: Sequence[str],
    ) -> Iterator[Result]:
        where = f"{self._config.name}: OpenAI {path}"

        def params(page: str | None) -> Params:
            return {
                "start_time": int(asked.start.timestamp()),
                "end_time": int(asked.end.timestamp()),
                "bucket_width": "1d",
                "limit": _DAYS_PER_PAGE,
                "group_by": list(dimensions),
                "page": page,
            }

        report = Report(asked, dimensions=dimensions, where=where)
        pages = pages_of(client, f"{_BASE}/{path}", params, where=where)
        return gather(report, pages, _day_of, where=where)

    def _probes(self) -> Sequence[Callable[[Client], str]]:
        probes: list[Callable[[Client], str]] = [self._probe_costs]
        if self._config.usage and self._config.usage_kinds:
            probes.append(self._probe_usage)
        if self._config.names:
            probes.append(self._probe_projects)
        return probes

    def _probe_costs(self, client: Client) -> str:
        list(self._report(client, "costs", yesterday(), ("project_id",)))
        return "OpenAI's costs can be read. The API has neither invoices nor credits."

    def _probe_usage(self, client: Client) -> str:
        path = f"usage/{self._config.usage_kinds[0]}"
        list(self._report(client, path, yesterday(), ("project_id",)))
        return "OpenAI's usage can be read."

    def _probe_projects(self, client: Client) -> str:
        return f"OpenAI lists {len(self._projects(client))} projects."


def _day_of(bucket: dict[str, Any]) -> Span:
    start, end = bucket["start_time"], bucket["end_time"]
    return Span(
        datetime.fromtimestamp(int(start), UTC), datetime.fromtimestamp(int(end), UTC)
    )


def _tokens(result: Result) -> Row:
    """Return the tokens of a result; older answers lack uncached tokens."""
    total = result.count("input_tokens")
    cached = result.count("input_cached_tokens")
    written = result.count("input_cache_write_tokens")
    uncached = result.count("input_uncached_tokens")
    if uncached is None and total is not None:
        uncached = total - (cached or 0) - (written or 0)
    return {
        "uncached_input_tokens": as_text(uncached),
        "cached_input_tokens": as_text(cached),
        "cache_write_input_tokens": as_text(written),
        "input_tokens": as_text(total),
        "audio_input_tokens": as_text(_not_cached(result, "audio")),
        "image_input_tokens": as_text(_not_cached(result, "image")),
        "output_tokens": as_text(result.count("output_tokens")),
        "audio_output_tokens": as_text(result.count("output_audio_tokens")),
        "image_output_tokens": as_text(result.count("output_image_tokens")),
    }


def _not_cached(result: Result, medium: str) -> int | None:
    """Return the input tokens of a medium that no cache had."""
    count = result.count(f"input_{medium}_tokens")
    cached = result.count(f"input_cached_{medium}_tokens") or 0
    return None if count is None else max(count - cached, 0)


def _tier(result: Result) -> str | None:
    """Return the service tier of requests; ``None`` if it is not given."""
    is_batch = result.fields.get("batch")
    if is_batch is None:
        return None
    return "batch" if is_batch else "standard"
