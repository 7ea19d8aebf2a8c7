"""GitLab's REST API on loopback, in the shapes of its documentation.

Pages are counted, and the header ``X-Next-Page`` is empty on the last one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer, paged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

TOKEN = "glpat-made_up_token_0123456789"
_PATH = re.compile(r"/api/v4/projects/([^/]+)/?(.*)")


@dataclass
class LoopbackGitlab:
    """Some projects. A context manager; its state may be changed.

    ``on_page`` is called with the number of each page of deployments, before it is
    answered.
    """

    deployments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: id of a deployment → merge requests.
    merge_requests: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    #: iid of a merge request → commits.
    commits: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    page_size: int = 2
    on_page: Callable[[int], object] = lambda _: None
    server: ScriptedServer = field(default_factory=ScriptedServer)

    def __post_init__(self) -> None:
        self.server.route("GET", "/api/v4/projects/*", self._answer)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)

    def deploys(
        self, id_: int, at: datetime, sha: str, status: str, **more: Any
    ) -> dict[str, Any]:
        """Add a deployment whose job took two minutes, if it is over."""
        is_over = status in {"success", "failed", "canceled"}
        end = at + timedelta(minutes=2)
        person = {"id": 1, "username": "somebody", "name": "Somebody"}
        deployment = {
            "id": id_,
            "iid": id_,
            "ref": "main",
            "sha": sha,
            "status": status,
            "created_at": iso(at),
            "updated_at": iso(end if is_over else at),
            "user": person,
            "environment": {"id": 9, "name": "production", "external_url": "https://x"},
            "deployable": {
                "id": id_ * 10,
                "status": status,
                "started_at": iso(at + timedelta(seconds=30)),
                "finished_at": iso(end) if is_over else None,
                "user": person,
                "commit": {"id": sha, "title": "Mend what somebody broke"},
            },
            **more,
        }
        self.deployments.setdefault("acme/eta", []).append(deployment)
        return deployment

    def _answer(self, request: Request) -> Answer:  # noqa: PLR0911  (a table of routes)
        if request.headers.get("private-token") != TOKEN:
            return Answer({"message": "401 Unauthorized"}, 401)
        found = _PATH.fullmatch(request.path)
        assert found is not None
        project, path = found[1].replace("%2F", "/"), found[2]
        if project not in self.deployments:
            return Answer({"message": "404 Project Not Found"}, 404)
        if path.partition("/")[0] in self.denied:
            return Answer({"message": "403 Forbidden"}, 403)
        if path == "":
            return Answer({"id": 1, "path_with_namespace": project})
        if path == "deployments":
            return self._deployments(project, request)
        if path == "merge_requests":
            return Answer([])
        if found := re.fullmatch(r"deployments/(\d+)/merge_requests", path):
            return self._list(self.merge_requests.get(int(found[1]), []), request)
        if found := re.fullmatch(r"merge_requests/(\d+)/commits", path):
            return self._list(self.commits.get(int(found[1]), []), request)
        return Answer({"message": "404 Not Found"}, 404)

    def _deployments(self, project: str, request: Request) -> Answer:
        after = datetime.fromisoformat(
            request.one("updated_after") or "2000-01-01T00:00:00Z"
        )
        if request.one("order_by") not in {None, "updated_at"}:
            return Answer({"error": "order_by is not updated_at"}, 400)
        token = request.one("page") or "page_0"
        self.on_page(int(token.rpartition("_")[2]))
        listed = [
            one
            for one in self.deployments[project]
            if datetime.fromisoformat(one["updated_at"]) > after
        ]
        return self._list(sorted(listed, key=lambda one: one["updated_at"]), request)

    def _list(self, items: Sequence[Any], request: Request) -> Answer:
        size = self.page_size
        pages = [items[i : i + size] for i in range(0, len(items), size)]

        def render(page: Sequence[Any], token: str | None) -> Answer:
            return Answer(list(page), headers={"X-Next-Page": token or ""})

        route = paged(lambda _: pages, render=render)
        return route(request, self.server.page_fault)


def merge_request(iid: int, opened: datetime, merged: datetime) -> dict[str, Any]:
    """Return a merge request."""
    return {
        "id": iid + 1000,
        "iid": iid,
        "title": "by somebody",
        "author": {"username": "somebody"},
        "created_at": iso(opened),
        "merged_at": iso(merged),
        "merge_commit_sha": "m",
        "squash_commit_sha": "s",
    }


def commit(sha: str, committed: datetime) -> dict[str, Any]:
    """Return a commit; it was authored an hour before, in another time zone."""
    authored = (committed + timedelta(hours=1)).replace(tzinfo=None)
    return {
        "id": sha,
        "title": "Mend what somebody broke",
        "author_name": "Somebody",
        "author_email": "somebody@example.com",
        "authored_date": f"{authored:%Y-%m-%dT%H:%M:%S}.000+02:00",
        "committed_date": iso(committed),
    }


def iso(moment: datetime) -> str:
    """Return a moment as GitLab writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"
