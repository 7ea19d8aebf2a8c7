"""The part of Jira's REST API that tells booked hours, on loopback."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer, paged

if TYPE_CHECKING:
    from collections.abc import Sequence

USER, TOKEN = "reader@example.com", "jira-read-token-0001"
BASIC = base64.b64encode(f"{USER}:{TOKEN}".encode()).decode()
PERSON = "Planted Person"
PAGE_SIZE = 2
#: Beyond any time: a page's number in the place of the time from which it begins.
_PAGES_FROM = 10**15


def worklog(
    id_: int, issue: str, started: str, seconds: object, updated: str = ""
) -> dict[str, Any]:
    """Return a worklog as Jira answers it, people and texts included."""
    return {
        "id": str(id_),
        "issueId": issue,
        "author": {"accountId": "5b10", "displayName": PERSON},
        "updateAuthor": {"displayName": PERSON, "emailAddress": "x@example.com"},
        "comment": {"type": "doc", "content": [{"text": f"{PERSON} rebooted it"}]},
        "started": started,
        "created": started,
        "updated": updated or started,
        "timeSpent": "some",
        "timeSpentSeconds": seconds,
    }


def issue(id_: str, project: str, **fields: Any) -> dict[str, Any]:
    """Return an issue as Jira answers it."""
    return {
        "id": id_,
        "key": f"{project}-{id_}",
        "fields": {
            "project": {"key": project, "name": "A project"},
            "labels": [],
            "components": [],
            "issuetype": {"name": "Task"},
            **fields,
        },
    }


@dataclass
class LoopbackJira:
    """Serves what it holds; ``updated`` and ``deleted`` are ids with milliseconds."""

    server: ScriptedServer
    worklogs: list[dict[str, Any]] = field(default_factory=list)
    updated: list[tuple[int, int]] = field(default_factory=list)
    deleted: list[tuple[int, int]] = field(default_factory=list)
    issues: list[dict[str, Any]] = field(default_factory=list)
    #: What the account may not see; it is left out without a word.
    hidden: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        for name in ("updated", "deleted"):
            path = f"/rest/api/3/worklog/{name}"
            self.server.route("GET", path, self._changes(name, path))
        self.server.route("POST", "/rest/api/3/worklog/list", self._list)
        self.server.route("POST", "/rest/api/3/issue/bulkfetch", self._bulkfetch)

    def _changes(self, name: str, path: str) -> Any:
        first: dict[str, int] = {}

        def pages(request: Request) -> Sequence[Sequence[Any]]:
            assert request.headers["authorization"] == f"Basic {BASIC}"
            since = int(str(request.one("since")))
            if since < _PAGES_FROM:
                first[name] = since
            found = [one for one in getattr(self, name) if one[1] >= first[name]]
            return [found[i : i + PAGE_SIZE] for i in range(0, len(found), PAGE_SIZE)]

        def token_of(request: Request) -> str | None:
            since = int(str(request.one("since")))
            return None if since < _PAGES_FROM else f"page_{since - _PAGES_FROM}"

        def render(items: Sequence[Any], token: str | None) -> object:
            following = _PAGES_FROM + int((token or "page_0").rpartition("_")[2])
            return {
                "values": [
                    {"worklogId": id_, "updatedTime": moment, "properties": []}
                    for id_, moment in items
                ],
                "nextPage": f"https://example.atlassian.net{path}?since={following}",
                "lastPage": token is None,
            }

        return paged(pages, render=render, token_of=token_of)

    def _list(self, request: Request) -> Answer:
        asked = set(map(str, request.json()["ids"]))
        assert len(asked) <= 1000
        return Answer([w for w in self.worklogs if w["id"] in asked - self.hidden])

    def _bulkfetch(self, request: Request) -> Answer:
        body = request.json()
        assert "summary" not in body["fields"]
        return Answer(
            {
                "issues": [
                    {
                        **i,
                        "fields": {
                            k: v for k, v in i["fields"].items() if k in body["fields"]
                        },
                    }
                    for i in self.issues
                    if i["id"] in body["issueIdsOrKeys"]
                ],
                "issueErrors": [],
            }
        )


def _only(fields: dict[str, Any], asked: list[str]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if name in asked}
