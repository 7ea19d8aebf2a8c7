"""PagerDuty's two interfaces on loopback, by the published tables of their fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import (
    Answer,
    PagedRoute,
    Request,
    ScriptedServer,
    _in_order,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.ingest.servers.http_server import PageFault

KEY = "pd-read-only-key-0001"
PERSON = "Planted Person"


def incident(
    id_: str, created_at: str, status: str = "resolved", **fields: Any
) -> dict[str, Any]:
    """Return an incident as the REST API answers it, people and texts included."""
    return {
        "id": id_,
        "type": "incident",
        "incident_number": 4,
        "title": f"{PERSON} cannot log in",
        "summary": f"[#4] {PERSON} cannot log in",
        "description": "somebody@example.com wrote this",
        "created_at": created_at,
        "status": status,
        "urgency": "high",
        "priority": None,
        "service": {"id": "PSVC1", "summary": "checkout", "type": "service_reference"},
        "teams": [{"id": "PTEAM1", "summary": "Payments"}],
        "assignments": [{"assignee": {"id": "PUSER", "summary": PERSON}}],
        "acknowledgements": [],
        "last_status_change_at": created_at,
        "last_status_change_by": {"id": "PUSER", "summary": PERSON},
        **fields,
    }


def effort(
    id_: str, created_at: str, resolved_at: str, **fields: Any
) -> dict[str, Any]:
    """Return an entry of the Analytics API; its times have no offset."""
    return {
        "id": id_,
        "created_at": created_at,
        "resolved_at": resolved_at,
        "description": f"{PERSON} cannot log in",
        "assigned_user_names": [PERSON],
        "engaged_user_count": 2,
        "engaged_seconds": 1800,
        "seconds_to_first_ack": 60,
        "seconds_to_resolve": 3600,
        "updated_at": "2026-03-03T00:00:00",
        **fields,
    }


@dataclass
class LoopbackPagerduty:
    """Serves what ``incidents`` and ``efforts`` hold."""

    server: ScriptedServer
    incidents: list[dict[str, Any]] = field(default_factory=list)
    efforts: list[dict[str, Any]] = field(default_factory=list)
    zone: str = "Etc/UTC"
    #: Offsets beyond it are refused, as the API does beyond 10,000.
    max_offset: int = 10_000

    def __post_init__(self) -> None:
        self.server.route(
            "GET", "/incidents", _ByOffset(self._found, _no_render, _no_token, self)
        )
        self.server.route("POST", "/analytics/raw/incidents", self._analytics)

    def _found(self, request: Request) -> Sequence[Sequence[dict[str, Any]]]:
        assert request.headers["authorization"] == f"Token token={KEY}"
        found = [one for one in self.incidents if _is_asked_for(one, request)]
        found.sort(key=lambda one: str(one["created_at"]))
        size = int(request.one("limit") or 25)
        return [found[i : i + size] for i in range(0, len(found), size)] or [[]]

    def _analytics(self, request: Request) -> Answer:
        asked = request.json()
        assert asked["filters"]["created_at_start"].endswith("+00:00")
        ids = [one["id"] for one in self.efforts]
        start = (
            ids.index(asked["starting_after"]) + 1 if "starting_after" in asked else 0
        )
        page = self.efforts[start : start + asked["limit"]]
        return Answer(
            {
                "data": page,
                "first": page[0]["id"] if page else None,
                "last": page[-1]["id"] if page else None,
                "limit": asked["limit"],
                "more": start + len(page) < len(self.efforts),
                "order": "asc",
                "time_zone": self.zone,
            }
        )


class _ByOffset(PagedRoute):
    """A route whose pages are asked for by offset, and end with ``more: false``."""

    def __init__(
        self, pages: Any, render: Any, token_of: Any, api: LoopbackPagerduty
    ) -> None:
        super().__init__(pages, render, token_of)
        object.__setattr__(self, "api", api)

    def __call__(self, request: Request, fault: PageFault | None) -> Answer:
        pages = _in_order(self.pages(request), fault)
        limit, offset = (int(request.one(name) or 0) for name in ("limit", "offset"))
        if limit + offset > self.api.max_offset:  # type: ignore[attr-defined]
            return Answer({"error": {"message": "Offset must be less"}}, 400)
        number = offset // limit
        is_loop = fault == "loop"
        if is_loop:
            number %= len(pages)
        more = is_loop or number + 1 < len(pages)
        found = pages[number] if number < len(pages) else []
        return Answer(
            {"incidents": found, "limit": limit, "offset": offset, "more": more}
        )


def _is_asked_for(one: dict[str, Any], request: Request) -> bool:
    if statuses := request.query.get("statuses[]"):
        return one["status"] in statuses
    since, until = (
        datetime.fromisoformat(str(request.one(name))) for name in ("since", "until")
    )
    return since <= datetime.fromisoformat(one["created_at"]) < until


def _no_render(*_: Any) -> object:
    raise AssertionError


def _no_token(_: Request) -> str | None:
    raise AssertionError
