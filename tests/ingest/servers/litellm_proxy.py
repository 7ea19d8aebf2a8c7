"""A LiteLLM proxy as its API shows it: a log of requests and daily sums over them.

The figures of a day are summed here from the lines of the log, so a test changes the
log and both interfaces follow, as in the real proxy.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import Answer, PagedRoute, Request, ScriptedServer

if TYPE_CHECKING:
    from tests.ingest.servers.http_server import PageFault

KEY = "sk-admin-viewer-0123456789"
PAGE_SIZE = 2


def log_line(  # a line as the proxy answers it, texts of requests included
    request_id: str, started_at: datetime, **columns: Any
) -> dict[str, Any]:
    return {
        "request_id": request_id,
        "call_type": "acompletion",
        "api_key": "hash-of-prod",
        "spend": Decimal("0.001"),
        "total_tokens": 120,
        "prompt_tokens": 100,
        "completion_tokens": 20,
        "startTime": started_at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "endTime": (started_at + timedelta(seconds=2)).isoformat(),
        "model": "gpt-4o-mini",
        "model_group": "small",
        "custom_llm_provider": "openai",
        "team_id": "team-1",
        "user": "somebody@example.com",
        "end_user": "customer-17",
        "cache_hit": "False",
        "status": "success",
        "request_tags": ["User-Agent: curl"],
        "metadata": {"user_api_key_alias": "prod", "user_api_key_team_alias": "ml"},
        "messages": [{"role": "user", "content": "a text that nobody may keep"}],
        "response": {"choices": ["an answer that nobody may keep"]},
        **columns,
    }


@dataclass
class LitellmProxy:
    """Serves what ``lines`` holds."""

    server: ScriptedServer
    lines: list[dict[str, Any]] = field(default_factory=list)
    #: What it says instead of the true count of a day's requests.
    total: int | None = None
    is_capped: bool = False
    page_size: int = PAGE_SIZE
    #: Whether the log has been removed, of which the daily sums stay.
    is_log_removed: bool = False

    def __post_init__(self) -> None:
        self.server.route("GET", "/user/daily/activity", self._activity)
        self.server.route("GET", "/global/activity", lambda _: Answer({}))
        self.server.route(
            "GET",
            "/spend/logs/v2",
            _Log(self._pages, lambda items, _: items, lambda _: None, self),
        )

    def _pages(self, request: Request) -> list[list[dict[str, Any]]]:
        start, end = str(request.one("start_date")), str(request.one("end_date"))
        found = [
            line
            for line in ([] if self.is_log_removed else self.lines)
            if start <= str(line["startTime"]).replace("T", " ")[:19] <= end
        ]
        size = self.page_size
        return [found[i : i + size] for i in range(0, len(found), size)] or [[]]

    def _activity(self, request: Request) -> Answer:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        by_day: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for line in self.lines:
            by_day[str(line["startTime"])[:10]].append(line)
        results = [
            {
                "date": day,
                "metrics": _metrics(lines),
                "breakdown": _breakdown(lines),
            }
            for day, lines in sorted(by_day.items(), reverse=True)
            if str(request.one("start_date")) <= day <= str(request.one("end_date"))
        ]
        metadata = {"page": 1, "total_pages": 1, "has_more": False}
        return Answer({"results": results, "metadata": metadata})


@dataclass(frozen=True)
class _Log(PagedRoute):
    """The request log, whose pages are asked for by number."""

    proxy: LitellmProxy

    def __call__(self, request: Request, fault: PageFault | None) -> Answer:
        if request.headers["authorization"] != f"Bearer {KEY}":
            return Answer({"error": {"message": "Invalid proxy server token"}}, 401)
        pages = list(self.pages(request))
        count = self.proxy.total
        if count is None:
            count = sum(len(page) for page in pages)
        total_pages = len(pages)
        if fault == "disorder":
            pages.reverse()
        if fault == "duplicate":
            pages.insert(1, pages[0])
            total_pages += 1
        number = int(request.one("page") or 1)
        if fault == "loop":
            total_pages = number + 1
            pages = [pages[(number - 1) % len(pages)]]
            number = 1
        return Answer(
            {
                "data": pages[number - 1] if number <= len(pages) else [],
                "total": count,
                "page": number,
                "page_size": self.proxy.page_size,
                "total_pages": 1 if self.proxy.is_capped else total_pages,
                "total_is_capped": self.proxy.is_capped,
            }
        )


def _metrics(lines: list[dict[str, Any]]) -> dict[str, Any]:
    def total(name: str) -> Any:
        return sum((_number(line[name]) for line in lines), Decimal(0))

    return {
        "spend": total("spend"),
        "prompt_tokens": total("prompt_tokens"),
        "completion_tokens": total("completion_tokens"),
        "cache_read_input_tokens": 0,
        "cache_creation_input_tokens": 0,
        "api_requests": len(lines),
        "successful_requests": sum(line["status"] == "success" for line in lines),
    }


def _breakdown(lines: list[dict[str, Any]]) -> dict[str, Any]:
    models: dict[str, dict[str, list[dict[str, Any]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for line in lines:
        models[line["model"]][line["api_key"]].append(line)
    return {
        "models": {
            model: {
                "metrics": _metrics([line for key in keys.values() for line in key]),
                "metadata": {},
                "api_key_breakdown": {
                    key: {
                        "metrics": _metrics(of_key),
                        "metadata": {
                            "key_alias": "prod",
                            "team_id": of_key[0]["team_id"],
                        },
                    }
                    for key, of_key in keys.items()
                },
            }
            for model, keys in models.items()
        },
        "providers": {line["custom_llm_provider"]: {} for line in lines},
    }


def _number(value: Any) -> Decimal:
    text = str(value)
    return Decimal(text) if text.lstrip("-").replace(".", "").isdigit() else Decimal(0)
