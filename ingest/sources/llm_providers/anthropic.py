"""Anthropic: an organisation's daily charges, and Messages API usage.

Amounts are decimal texts in the lowest unit: "123.45" in USD is 1.2345 dollars.
``uncached_input_tokens`` is not the whole input: tokens read from the cache and written
to it come on top. The default workspace has no id.

The cost of Priority Tier is never reported here; its tokens are. Code execution is
reported as cost and not as usage.

These reports are legacy and supported since 29 October 2026, when the *Usage and Cost
Analytics API* (``organizations/analytics/cost`` and ``…/usage``, in beta) came out.

A cost has no quantity. Its tokens are those that the usage report counts for the same
day, workspace, model, tier, context window and kind of token, where a single cost is
of them: the rate is worked out from two documents. Where the usage report cannot be
read, the rate is unknown. The tag ``anthropic:quantity`` has which it is.

Source: Anthropic Admin API, *organizations/cost_report*,
*organizations/usage_report/messages*, *organizations/workspaces*.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ingest.reading.malformed import BAD_DATA
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
from ingest.sources.llm_providers.llm_results import (
    Report,
    Result,
    Span,
    as_text,
    shifted,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ingest.http.client import Params
    from ingest.reading.text_rows import Row
    from ingest.sources.llm_providers.llm_pages import Client
    from ingest.storage.recorded_answers import RecordedAnswers

_API_VERSION = "2023-06-01"
_DAYS_PER_PAGE = 31
_WORKSPACES_PER_PAGE = 1000
_BASE = "/v1/organizations"
_WORKSPACES = f"{_BASE}/workspaces"
#: All costs are in USD, and its lowest unit is the cent.
_DECIMALS = {"USD": 2}
_DEFAULT_WORKSPACE = "Default workspace"
_COST_DIMENSIONS = ("workspace_id", "description")
#: Fields that distinguish cost results grouped by description.
_COST_FIELDS = (
    *_COST_DIMENSIONS,
    "cost_type",
    "model",
    "token_type",
    "service_tier",
    "context_window",
    "inference_geo",
    "currency",
)
_SCOPE_DIMENSIONS = ("workspace_id", "model", "service_tier", "context_window")
_USAGE_DIMENSIONS = ("workspace_id", "api_key_id", *_SCOPE_DIMENSIONS[1:])
_PRIORITY_DAYS = 7
_UNREAD = "usage report not read"
#: Day, scope and kind of token, of a cost or of usage.
_Kind = tuple[Span, tuple[str | None, ...], str | None]
_WRITTEN_PREFIX = "cache_creation."
_WRITTEN = frozenset(
    f"{_WRITTEN_PREFIX}ephemeral_{time}_input_tokens" for time in ("5m", "1h")
)
_COUNTED = (
    *("uncached_input_tokens", "cache_read_input_tokens", "output_tokens"),
    *sorted(_WRITTEN),
)


class AnthropicConfig(LlmProviderConfig):
    """Options of an ``anthropic`` source: an organisation's costs and usage."""

    base_url: str = Field(
        default="https://api.anthropic.com",
        description="Address of the API, where it is not Anthropic's own.",
    )
    key_variable: str = Field(
        default="ANTHROPIC_ADMIN_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable that holds the admin key.",
    )

    labels: ClassVar[frozenset[str]] = frozenset(
        {
            "project_id",
            "project_name",
            "api_key_id",
            "line_item",
            "provider_model",
            "service_tier",
            "token_type",
            "cost_type",
            "usage_kind",
        }
    )


class Anthropic(LlmProvider[AnthropicConfig]):
    """Source of an organisation of Anthropic; a workspace is a project."""

    type: ClassVar[str] = "anthropic"
    title: ClassVar[str] = "Anthropic"
    denied_advice: ClassVar[str] = (
        "Let {variable} hold an Admin API key (it begins with sk-ant-admin); a member"
        " with the role admin makes it in the Console under Settings > Admin keys. A"
        " key of a workspace is not enough."
    )

    def _headers(self, key: str) -> dict[str, str]:
        return {"x-api-key": key, "anthropic-version": _API_VERSION}

    def _projects(self, client: Client) -> dict[str, str]:
        def params(after: str | None) -> Params:
            asked = {"limit": _WORKSPACES_PER_PAGE, "include_archived": True}
            return {**asked, "after_id": after}

        where = f"{self._config.name}: Anthropic workspaces"
        return names_by_id(client, _WORKSPACES, params, where=where)

    def _recorded_days(self, recorded: RecordedAnswers) -> Iterator[Span]:
        where = f"{self._config.name}: Anthropic cost_report"
        return days_in(recorded.bodies(f"{_BASE}/cost_report"), _day_of, where=where)

    @property
    def _reading_version(self) -> int:
        # Without usage, costs are read as before they had quantities.
        return 3 if self._config.usage else super()._reading_version

    def _cost_rows(self, client: Client, asked: Span) -> Iterator[Row]:
        path, fields = "cost_report", _COST_FIELDS
        costs = list(
            self._report(client, path, asked, _COST_DIMENSIONS, told_apart_by=fields)
        )
        of_kind = Counter(map(_kind, costs))
        counts = self._tokens_by_kind(client, asked)
        for result in costs:
            kind = _kind(result)
            if counts is None:
                is_of_tokens = result.text("token_type") is not None
                yield self._cost_row(result, {}, _UNREAD if is_of_tokens else None)
            elif of_kind[kind] == 1 and counts[kind]:
                quantity: Row = {
                    "quantity": str(counts[kind]),
                    "quantity_unit": "tokens",
                }
                yield self._cost_row(result, quantity, "usage report")
            else:
                yield self._cost_row(result, {}, None)

    def _tokens_by_kind(self, client: Client, asked: Span) -> Counter[_Kind] | None:
        """Return the tokens that the usage report counts, by scope and kind.

        None where it cannot be read: the stream of usage fails for that reason, and a
        bill without quantities is a bill.
        """
        counts: Counter[_Kind] = Counter()
        if not self._config.usage:
            return counts
        path, dimensions = "usage_report/messages", _USAGE_DIMENSIONS
        try:
            for result in self._report(client, path, asked, dimensions):
                written = result.part("cache_creation")
                for name in _COUNTED:
                    part = written if name in _WRITTEN else result
                    count = part.count(name.removeprefix(_WRITTEN_PREFIX))
                    counts[_kind(result, name)] += count or 0
        except BAD_DATA:
            return None
        return counts

    def _cost_row(self, result: Result, quantity: Row, origin: str | None) -> Row:
        """Return a charge; ``origin`` is what its quantity comes from."""
        labels = self._labels(result) | {
            "line_item": result.text("description"),
            "cost_type": result.text("cost_type"),
            "token_type": result.text("token_type"),
        }
        model = labels["provider_model"]
        extra = {"anthropic:model": model or "", "anthropic:quantity": origin or ""}
        return {
            "period_start": result.day.start.isoformat(),
            "period_end": result.day.end.isoformat(),
            "provider": "anthropic",
            "amount": _amount(result),
            "currency": result.text("currency"),
            **labels,
            "description": labels["line_item"],
            "tags": tags_of(self._target(labels), extra),
            **quantity,
        }

    def _usage_rows(self, client: Client, asked: Span) -> Iterator[Row]:
        for result in self._report(
            client, "usage_report/messages", asked, _USAGE_DIMENSIONS
        ):
            yield self._usage_row(result, _tokens(result), "messages")
            searches = result.part("server_tool_use").count("web_search_requests")
            if searches:
                row: Row = {"quantity": str(searches), "quantity_unit": "calls"}
                yield self._usage_row(result, row, "web_search_calls")

    def _usage_row(self, result: Result, counts: Row, kind: str) -> Row:
        labels = self._labels(result) | {
            "api_key_id": result.text("api_key_id"),
            "usage_kind": kind,
        }
        return self._usage_of(result, labels) | counts

    def _labels(self, result: Result) -> dict[str, str | None]:
        workspace_id = result.text("workspace_id")
        known = self._names.get(workspace_id) if workspace_id else _DEFAULT_WORKSPACE
        return {
            "project_id": workspace_id,
            "project_name": known,
            "provider_model": result.text("model"),
            "service_tier": result.text("service_tier"),
            "context_window": result.text("context_window"),
        }

    def _report(
        self,
        client: Client,
        path: str,
        asked: Span,
        dimensions: Sequence[str],
        *,
        told_apart_by: Sequence[str] = (),
    ) -> Iterator[Result]:
        where = f"{self._config.name}: Anthropic {path}"

        def params(page: str | None) -> Params:
            return [
                ("starting_at", f"{asked.start:%Y-%m-%dT%H:%M:%SZ}"),
                ("ending_at", f"{asked.end:%Y-%m-%dT%H:%M:%SZ}"),
                ("bucket_width", "1d"),
                ("limit", str(_DAYS_PER_PAGE)),
                *(("group_by[]", name) for name in dimensions),
                *([("page", page)] if page else []),
            ]

        report = Report(asked, dimensions=told_apart_by or dimensions, where=where)
        pages = pages_of(client, f"{_BASE}/{path}", params, where=where)
        # Days that are over are all there.
        over = yesterday().end
        return gather(report, pages, _day_of, where=where, gapless_until=over)

    def _probes(self) -> Sequence[Callable[[Client], str]]:
        usage = (self._probe_usage,) if self._config.usage else ()
        names = (self._probe_workspaces,) if self._config.names else ()
        return (self._probe_costs, *usage, *names)

    def _probe_costs(self, client: Client) -> str:
        list(self._report(client, "cost_report", yesterday(), ("workspace_id",)))
        return (
            "Anthropic's costs can be read. The API has neither invoices nor credits,"
            " and never tells what Priority Tier costs."
        )

    def _probe_usage(self, client: Client) -> str:
        """Report whether the bill's known hole affects this organisation."""
        last = yesterday()
        days = Span(last.end - timedelta(days=_PRIORITY_DAYS), last.end)
        path = "usage_report/messages"
        tiers = [
            (result.text("service_tier") or "", sum(_input(result)))
            for result in self._report(client, path, days, ("service_tier",))
        ]
        hidden = sum(count for tier, count in tiers if tier.startswith("priority"))
        if not hidden:
            return "Anthropic's usage can be read; it has no Priority Tier of late."
        return (
            f"Anthropic's usage can be read. In {_PRIORITY_DAYS} days {hidden} input"
            " tokens went through Priority Tier, whose cost is in no answer of this"
            " API: deliver its commitment as a bill of its own."
        )

    def _probe_workspaces(self, client: Client) -> str:
        return f"Anthropic lists {len(self._projects(client))} workspaces."


def _day_of(bucket: dict[str, Any]) -> Span:
    start, end = bucket["starting_at"], bucket["ending_at"]
    return Span(_moment(start), _moment(end))


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def _kind(result: Result, token_type: str | None = None) -> _Kind:
    """Return what the tokens of a cost, or a count of usage, are of."""
    scope = tuple(result.text(name) for name in _SCOPE_DIMENSIONS)
    return result.day, scope, token_type or result.text("token_type")


def _amount(result: Result) -> str | None:
    """Return the amount in whole units; refuse an unknown lowest unit."""
    amount, currency = result.text("amount"), result.text("currency") or ""
    decimals = _DECIMALS.get(currency.upper())
    if amount is None or decimals is not None:
        return shifted(amount, decimals=decimals or 0)
    return f"{amount} in the lowest unit of {currency}"


def _tokens(result: Result) -> Row:
    uncached, read, written = _input(result)
    return {
        "uncached_input_tokens": str(uncached),
        "cached_input_tokens": str(read),
        "cache_write_input_tokens": str(written),
        "cache_write_1h_input_tokens": as_text(
            result.part("cache_creation").count("ephemeral_1h_input_tokens")
        ),
        "input_tokens": str(uncached + read + written),
        "output_tokens": as_text(result.count("output_tokens")),
    }


def _input(result: Result) -> tuple[int, int, int]:
    """Return the three exclusive parts of the input: uncached, read, written."""
    written = result.part("cache_creation")
    return (
        result.count("uncached_input_tokens") or 0,
        result.count("cache_read_input_tokens") or 0,
        (written.count("ephemeral_5m_input_tokens") or 0)
        + (written.count("ephemeral_1h_input_tokens") or 0),
    )
