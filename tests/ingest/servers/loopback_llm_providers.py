"""OpenAI and Anthropic on loopback, answering as their vendors document.

Costs and usage are kept as single records. The server groups them by what is asked
for, leaves the other dimensions null, tells every day of the range, empty ones too, and
pages by days: never more than ``limit``, and by choice fewer. So a sum that comes out
right was grouped, paged and put together right.

Forms: OpenAI API 2.3.0 (``organization/costs``, ``organization/usage/…``,
``organization/projects``); Anthropic Admin API (``cost_report``,
``usage_report/messages``, ``workspaces``). All values are made up.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Self

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer, paged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Record = dict[str, Any]
ONE_DAY = timedelta(days=1)

OPENAI_KEY = "sk-admin-madeup-0123456789abcdefghij"
ANTHROPIC_KEY = "sk-ant-admin01-madeup-0123456789abcdefghij"

_OPENAI_COST_FIELDS = ("line_item", "project_id", "api_key_id")
_OPENAI_USAGE_FIELDS = (
    "project_id",
    "user_id",
    "api_key_id",
    "model",
    "batch",
    "service_tier",
)
_ANTHROPIC_DESCRIBED = (
    "description",
    "cost_type",
    "model",
    "service_tier",
    "token_type",
    "context_window",
    "inference_geo",
)
_ANTHROPIC_USAGE_FIELDS = (
    "workspace_id",
    "api_key_id",
    "model",
    "service_tier",
    "context_window",
    "inference_geo",
    "account_id",
    "service_account_id",
)


@dataclass
class Organisation(ABC):
    """What both vendors have: records of costs and usage, and a way to page.

    Attributes
    ----------
    costs : list of dict
        One charge each, with its ``day``.
    usage : dict of str to list of dict
        Records of each usage report, with their ``day``.
    names : dict of str to str
        Projects or workspaces, id → name.
    days_per_page : int
        Most days on a page, however high the asked limit is.
    """

    costs: list[Record] = field(default_factory=list)
    usage: dict[str, list[Record]] = field(default_factory=lambda: defaultdict(list))
    names: dict[str, str] = field(default_factory=dict)
    days_per_page: int = 9
    names_per_page: int = 100

    @abstractmethod
    def install(self, server: ScriptedServer) -> None:
        """Answer the routes of the vendor."""

    def copy(self) -> Self:
        """Return another of the same records, which a test may change."""
        usage = {kind: [*map(dict, records)] for kind, records in self.usage.items()}
        return replace(
            self,
            costs=[*map(dict, self.costs)],
            usage=defaultdict(list, usage),
            names=dict(self.names),
        )

    def forget_before(self, start: date) -> None:
        """Let the organisation be no older than a day."""
        self.costs[:] = [cost for cost in self.costs if cost["day"] >= start]
        for records in self.usage.values():
            records[:] = [record for record in records if record["day"] >= start]

    def pages(
        self,
        days: Sequence[date],
        limit: int,
        results_of: Callable[[date], list[Record]],
    ) -> list[list[tuple[date, list[Record]]]]:
        """Return the buckets of the days, cut into pages."""
        size = min(limit, self.days_per_page)
        buckets = [(day, results_of(day)) for day in days]
        return [buckets[i : i + size] for i in range(0, len(buckets), size)]

    def named(self, request: Request, after: str) -> tuple[list[Record], bool]:
        """Return one page of names after a cursor, and whether there are more."""
        everything = [{"id": id_, "name": name} for id_, name in self.names.items()]
        last = request.one(after)
        ids = [item["id"] for item in everything]
        start = ids.index(last) + 1 if last else 0
        page = everything[start : start + self.names_per_page]
        return page, start + self.names_per_page < len(everything)


def grouped(
    records: Iterable[Record],
    fields: Sequence[str],
    asked: Sequence[str],
    add: Callable[[list[Record]], Record],
) -> list[Record]:
    """Return one result per group; dimensions that are not asked for are null."""
    groups: dict[tuple[Any, ...], list[Record]] = defaultdict(list)
    for record in records:
        key = tuple(record.get(name) if name in asked else None for name in fields)
        groups[key].append(record)
    return [
        {**dict(zip(fields, key, strict=True)), **add(members)}
        for key, members in groups.items()
    ]


def days_between(start: date, end: date) -> list[date]:
    """Return the days of a half-open range."""
    return [start + n * ONE_DAY for n in range((end - start).days)]


def _sum(members: Iterable[Record], name: str) -> Any:
    return sum((member.get(name) or 0 for member in members), Decimal(0))


# --- OpenAI -------------------------------------------------------------------------


@dataclass
class OpenAiOrganisation(Organisation):
    """An organisation of OpenAI; ``value`` of a cost is in dollars."""

    def money(self) -> Decimal:
        """Return the sum of all costs in dollars, added one by one."""
        return sum((cost["value"] for cost in self.costs), Decimal(0))

    def install(self, server: ScriptedServer) -> None:
        """Answer the routes of the vendor."""
        root = "/v1/organization"
        server.route("GET", f"{root}/costs", self._route(self._cost_results))
        server.route("GET", f"{root}/usage/*", self._route(self._usage_results))
        server.route("GET", f"{root}/projects", self._projects)

    def _route(self, results: Callable[[Request, date], list[Record]]) -> Any:
        def pages(request: Request) -> Any:
            assert request.headers["authorization"] == f"Bearer {OPENAI_KEY}"
            assert request.one("bucket_width") == "1d"
            start = datetime.fromtimestamp(int(request.one("start_time") or 0), UTC)
            end = datetime.fromtimestamp(int(request.one("end_time") or 0), UTC)
            days = days_between(start.date(), end.date())
            limit = int(request.one("limit") or 7)
            return self.pages(days, limit, lambda day: results(request, day))

        return paged(pages, render=_openai_page)

    def _cost_results(self, request: Request, day: date) -> list[Record]:
        asked = request.query.get("group_by", [])
        todays = [cost for cost in self.costs if cost["day"] == day]
        return grouped(
            todays, _OPENAI_COST_FIELDS, asked, lambda group: _openai_cost(group, asked)
        )

    def _usage_results(self, request: Request, day: date) -> list[Record]:
        kind = request.path.rpartition("/")[2]
        todays = [record for record in self.usage[kind] if record["day"] == day]
        asked = request.query.get("group_by", [])

        def add(members: list[Record]) -> Record:
            counted = {
                name: int(_sum(members, name))
                for name in members[0]
                if name != "day" and name not in _OPENAI_USAGE_FIELDS
            }
            return {"object": f"organization.usage.{kind}.result", **counted}

        return grouped(todays, _OPENAI_USAGE_FIELDS, asked, add)

    def _projects(self, request: Request) -> Answer:
        assert request.headers["authorization"] == f"Bearer {OPENAI_KEY}"
        page, has_more = self.named(request, "after")
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        return Answer({"object": "list", "data": page, "has_more": has_more, **ends})


def _openai_cost(members: list[Record], asked: Sequence[str]) -> Record:
    # The API tells quantities only beside a line item.
    has_quantity = "line_item" in asked and "quantity" in members[0]
    value = members[0]["value"] if len(members) == 1 else _sum(members, "value")
    return {
        "object": "organization.costs.result",
        "amount": {"value": value, "currency": members[0].get("currency", "usd")},
        "quantity": _sum(members, "quantity") if has_quantity else None,
        "quantity_unit": members[0].get("quantity_unit") if has_quantity else None,
    }


def _openai_page(
    buckets: Sequence[tuple[date, list[Record]]], following: str | None
) -> Record:
    return {
        "object": "page",
        "data": [
            {
                "object": "bucket",
                "start_time": _unix(day),
                "end_time": _unix(day + ONE_DAY),
                "results": results,
            }
            for day, results in buckets
        ],
        "has_more": following is not None,
        "next_page": following,
    }


def _unix(day: date) -> int:
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


# --- Anthropic ----------------------------------------------------------------------


@dataclass
class AnthropicOrganisation(Organisation):
    """An organisation of Anthropic; ``cents`` of a cost are a decimal."""

    def install(self, server: ScriptedServer) -> None:
        """Answer the routes of the vendor."""
        root = "/v1/organizations"
        server.route("GET", f"{root}/cost_report", self._route(self._cost_results))
        server.route(
            "GET", f"{root}/usage_report/messages", self._route(self._usage_results)
        )
        server.route("GET", f"{root}/workspaces", self._workspaces)

    def _route(self, results: Callable[[Request, date], list[Record]]) -> Any:
        def pages(request: Request) -> Any:
            _assert_anthropic_headers(request)
            start, end = request.one("starting_at"), request.one("ending_at")
            assert start is not None
            assert end is not None
            days = days_between(
                datetime.fromisoformat(start).date(), datetime.fromisoformat(end).date()
            )
            limit = int(request.one("limit") or 7)
            return self.pages(days, limit, lambda day: results(request, day))

        return paged(pages, render=_anthropic_page)

    def _cost_results(self, request: Request, day: date) -> list[Record]:
        asked = set(request.query.get("group_by[]", []))
        # To group by description tells apart all that a description is made of.
        fields = ("workspace_id", *_ANTHROPIC_DESCRIBED)
        told = {*asked, *(_ANTHROPIC_DESCRIBED if "description" in asked else ())}
        todays = [cost for cost in self.costs if cost["day"] == day]

        def add(members: list[Record]) -> Record:
            cents = members[0]["cents"] if len(members) == 1 else _sum(members, "cents")
            currency = members[0].get("currency", "USD")
            amount = cents if isinstance(cents, str) else f"{cents:f}"
            return {"amount": amount, "currency": currency}

        return grouped(todays, fields, sorted(told), add)

    def _usage_results(self, request: Request, day: date) -> list[Record]:
        asked = request.query.get("group_by[]", [])
        todays = [record for record in self.usage["messages"] if record["day"] == day]

        def add(members: list[Record]) -> Record:
            counted = {
                name: int(_sum(members, name))
                for name in ("uncached_input_tokens", "output_tokens")
            }
            counted["cache_read_input_tokens"] = int(_sum(members, "cache_read"))
            return {
                **counted,
                "cache_creation": {
                    "ephemeral_1h_input_tokens": int(_sum(members, "cache_1h")),
                    "ephemeral_5m_input_tokens": int(_sum(members, "cache_5m")),
                },
                "server_tool_use": {
                    "web_search_requests": int(_sum(members, "web_searches"))
                },
            }

        return grouped(todays, _ANTHROPIC_USAGE_FIELDS, asked, add)

    def _workspaces(self, request: Request) -> Answer:
        _assert_anthropic_headers(request)
        page, has_more = self.named(request, "after_id")
        ends = {"first_id": page[0]["id"], "last_id": page[-1]["id"]} if page else {}
        return Answer({"data": page, "has_more": has_more, **ends})


def _assert_anthropic_headers(request: Request) -> None:
    assert request.headers["x-api-key"] == ANTHROPIC_KEY
    assert request.headers["anthropic-version"] == "2023-06-01"


def _anthropic_page(
    buckets: Sequence[tuple[date, list[Record]]], following: str | None
) -> Record:
    return {
        "data": [
            {
                "starting_at": f"{day:%Y-%m-%d}T00:00:00Z",
                "ending_at": f"{day + ONE_DAY:%Y-%m-%d}T00:00:00Z",
                "results": results,
            }
            for day, results in buckets
        ],
        "has_more": following is not None,
        "next_page": following,
    }


# --- what they did ------------------------------------------------------------------


def sample_openai(start: date, end: date, *, seed: int = 7) -> OpenAiOrganisation:
    """Return an organisation with made-up traffic on every day of a range."""
    dice = random.Random(seed)
    projects = {"proj_search": "Search", "proj_support": "Support"}
    organisation = OpenAiOrganisation(names=projects)
    for day in days_between(start, end):
        for project, key in _projects_and_keys(projects):
            organisation.costs += _openai_costs(dice, day, project, key)
            organisation.usage["completions"].append(
                _completions(dice, day, project, key, "gpt-4o-2024-08-06")
            )
        organisation.costs.append(
            _charge(day, "proj_search", None, "web search", _dollars(dice))
        )
        organisation.usage["web_search_calls"].append(
            {
                "day": day,
                "project_id": "proj_search",
                "api_key_id": "key_search_prod",
                "model": "gpt-4o-2024-08-06",
                "num_model_requests": 4,
                "num_requests": 9,
            }
        )
        organisation.usage["embeddings"].append(
            {
                "day": day,
                "project_id": "proj_search",
                "api_key_id": "key_search_prod",
                "model": "text-embedding-3-small",
                "input_tokens": dice.randrange(1, 10**6),
                "num_model_requests": dice.randrange(1, 100),
            }
        )
    return organisation


def _projects_and_keys(projects: Iterable[str]) -> Iterator[tuple[str, str]]:
    for project in projects:
        name = project.removeprefix("proj_")
        yield project, f"key_{name}_prod"
        yield project, f"key_{name}_test"


def _openai_costs(
    dice: random.Random, day: date, project: str, key: str
) -> Iterator[Record]:
    for kind in ("input", "cached input", "output"):
        line = f"gpt-4o-2024-08-06, {kind}"
        tokens = dice.randrange(1, 10**7)
        yield _charge(day, project, key, line, _dollars(dice)) | {
            "quantity": tokens,
            "quantity_unit": "tokens",
        }


def _charge(
    day: date, project: str, key: str | None, line: str, value: Decimal
) -> Record:
    return {
        "day": day,
        "project_id": project,
        "api_key_id": key,
        "line_item": line,
        "value": value,
    }


def _dollars(dice: random.Random) -> Decimal:
    # As many digits as a double has, as the API writes them.
    return Decimal(repr(dice.random() * 10 ** dice.randrange(-3, 3)))


def _completions(
    dice: random.Random, day: date, project: str, key: str, model: str
) -> Record:
    uncached, cached, written = (dice.randrange(0, 10**6) for _ in range(3))
    return {
        "day": day,
        "project_id": project,
        "api_key_id": key,
        "model": model,
        "input_tokens": uncached + cached + written,
        "input_cached_tokens": cached,
        "input_cache_write_tokens": written,
        "input_uncached_tokens": uncached,
        "output_tokens": dice.randrange(1, 10**5),
        "num_model_requests": dice.randrange(1, 5000),
    }


def sample_anthropic(
    start: date, end: date, *, seed: int = 11
) -> AnthropicOrganisation:
    """Return an organisation with made-up traffic on every day of a range."""
    dice = random.Random(seed)
    organisation = AnthropicOrganisation(names={"wrkspc_agents": "Agents"})
    for day in days_between(start, end):
        for workspace, key in (("wrkspc_agents", "apikey_agents"), (None, None)):
            organisation.costs += _anthropic_costs(dice, day, workspace)
            organisation.usage["messages"].append(
                {
                    "day": day,
                    "workspace_id": workspace,
                    "api_key_id": key,
                    "model": "claude-opus-4-6",
                    "service_tier": "standard",
                    "uncached_input_tokens": dice.randrange(0, 10**6),
                    "cache_read": dice.randrange(0, 10**6),
                    "cache_5m": dice.randrange(0, 10**5),
                    "cache_1h": dice.randrange(0, 10**5),
                    "output_tokens": dice.randrange(1, 10**5),
                    "web_searches": 3 if workspace else 0,
                }
            )
    return organisation


def _anthropic_costs(
    dice: random.Random, day: date, workspace: str | None
) -> Iterator[Record]:
    kinds = {
        "Input Tokens": "uncached_input_tokens",
        "Input Tokens, Cache Read": "cache_read_input_tokens",
        "Output Tokens": "output_tokens",
    }
    for words, token_type in kinds.items():
        yield {
            "day": day,
            "workspace_id": workspace,
            "description": f"Claude Opus 4.6 Usage - {words}",
            "cost_type": "tokens",
            "model": "claude-opus-4-6",
            "service_tier": "standard",
            "token_type": token_type,
            "context_window": "0-200k",
            "inference_geo": "global",
            "cents": _cents(dice),
        }
    if workspace:
        yield {
            "day": day,
            "workspace_id": workspace,
            "description": "Code Execution Usage",
            "cost_type": "code_execution",
            "cents": _cents(dice),
        }


def _cents(dice: random.Random) -> Decimal:
    return Decimal(dice.randrange(1, 10**9)).scaleb(-5)
