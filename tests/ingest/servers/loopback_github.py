"""GitHub's REST API on loopback, in the shapes of its published description.

Pages are named by the header ``Link``. Like the real one, it has 404 for what a token
may not see, and answers no more than a thousand runs to a search.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from tests.ingest.servers.http_server import Answer, Request, ScriptedServer, paged

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Self

TOKEN = "ghs_made_up_token_0123456789"
_MOST_RUNS = 1000
_PATH = re.compile(r"/repos/([^/]+/[^/]+)/?(.*)")


@dataclass
class LoopbackGithub:
    """Some repositories. A context manager; its state may be changed.

    ``denied`` are the first segments of paths that the token may not ask, such as
    ``pulls``.
    """

    deployments: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: id of a deployment → its statuses, newest first.
    statuses: dict[int, list[dict[str, Any]]] = field(default_factory=dict)
    #: (base, head) → commits.
    compared: dict[tuple[str, str], list[dict[str, Any]]] = field(default_factory=dict)
    #: sha → pull requests.
    pulls: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    #: File of a workflow → runs, each as a list of its attempts.
    runs: dict[str, list[list[dict[str, Any]]]] = field(default_factory=dict)
    denied: set[str] = field(default_factory=set)
    page_size: int = 2
    server: ScriptedServer = field(default_factory=ScriptedServer)

    def __post_init__(self) -> None:
        self.server.route("GET", "/repos/*", self._answer)

    def __enter__(self) -> Self:
        self.server.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        self.server.__exit__(*error)

    def deploys(
        self,
        id_: int,
        at: datetime,
        sha: str,
        *states: str,
        repository: str = "acme/eta",
        **more: Any,
    ) -> dict[str, Any]:
        """Add a deployment with a status each minute after its creation."""
        deployment = {
            "id": id_,
            "sha": sha,
            "ref": "main",
            "task": "deploy",
            "payload": {},
            "environment": "production",
            "original_environment": "production",
            "creator": {"login": "somebody", "id": 1},
            "description": "deployed by somebody",
            "created_at": iso(at),
            "updated_at": iso(at),
            "transient_environment": False,
            "production_environment": True,
            **more,
        }
        self.deployments.setdefault(repository, []).insert(0, deployment)
        self.statuses[id_] = []
        for minute, state in enumerate(states, start=1):
            self.turns(deployment, state, at + timedelta(minutes=minute))
        return deployment

    def turns(self, deployment: dict[str, Any], state: str, at: datetime) -> None:
        """Give a deployment another status."""
        statuses = self.statuses[deployment["id"]]
        statuses.insert(
            0,
            {
                "id": deployment["id"] * 100 + len(statuses),
                "state": state,
                "creator": {"login": "somebody", "id": 1},
                "description": "by somebody",
                "environment": deployment["environment"],
                "created_at": iso(at),
                "updated_at": iso(at),
            },
        )
        deployment["updated_at"] = iso(at)

    def _answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer({"message": "Bad credentials"}, 401)
        found = _PATH.fullmatch(request.path)
        assert found is not None
        repository, path = found.groups()
        if path.partition("/")[0] in self.denied:
            return Answer(
                {"message": "Resource not accessible by personal access token"}, 403
            )
        return self._route(repository, path, request)

    def _route(self, repository: str, path: str, request: Request) -> Answer:
        if repository not in self.deployments:
            return Answer({"message": "Not Found"}, 404)
        if path == "":
            return Answer({"full_name": repository})
        if path in {"actions/runs", "commits", "pulls"}:
            return Answer([])
        routes: list[tuple[str, Callable[..., Answer]]] = [
            (r"deployments", lambda: self._list(self.deployments[repository], request)),
            (
                r"deployments/(\d+)/statuses",
                lambda id_: self._list(self.statuses[int(id_)], request),
            ),
            (r"compare/(\w+)\.\.\.(\w+)", lambda *two: self._compare(two, request)),
            (
                r"commits/(\w+)/pulls",
                lambda sha: self._list(self.pulls.get(sha, []), request),
            ),
            (r"actions/workflows/([\w.-]+)/runs", lambda f: self._runs(f, request)),
            (r"actions/runs/(\d+)/attempts/(\d+)", self._attempt),
        ]
        for pattern, answer in routes:
            if found := re.fullmatch(pattern, path):
                return answer(*found.groups())
        return Answer({"message": "Not Found"}, 404)

    def _compare(self, revisions: tuple[str, str], request: Request) -> Answer:
        if revisions not in self.compared:
            return Answer({"message": "Not Found"}, 404)
        commits = self.compared[revisions]
        return self._list(
            commits,
            request,
            wrap=lambda page: {
                "status": "ahead",
                "ahead_by": len(commits),
                "total_commits": len(commits),
                "commits": page,
            },
        )

    def _runs(self, file: str, request: Request) -> Answer:
        start, end = str(request.one("created")).split("..")
        found = [
            attempts[-1]
            for attempts in self.runs.get(file, [])
            if start <= attempts[0]["created_at"] <= end
        ]
        size = int(request.one("per_page") or 30)
        return self._list(
            found[:_MOST_RUNS],
            request,
            size=size if size > self.page_size else None,
            wrap=lambda page: {"total_count": len(found), "workflow_runs": page},
        )

    def _attempt(self, run_id: str, number: str) -> Answer:
        for runs in self.runs.values():
            for attempts in runs:
                if str(attempts[0]["id"]) == run_id:
                    return Answer(attempts[int(number) - 1])
        return Answer({"message": "Not Found"}, 404)

    def _list(
        self,
        items: Sequence[Any],
        request: Request,
        *,
        wrap: Callable[[list[Any]], object] = list,
        size: int | None = None,
    ) -> Answer:
        length = size or self.page_size
        pages = [items[i : i + length] for i in range(0, len(items), length)]

        def render(page: Sequence[Any], token: str | None) -> Answer:
            query = {**{k: v[-1] for k, v in request.query.items()}, "page": token}
            address = f"{self.server.url}{request.path}?{urlencode(query)}"
            first = f'<{self.server.url}{request.path}?page=1>; rel="first"'
            link = {"Link": f'<{address}>; rel="next", {first}'} if token else {}
            return Answer(wrap(list(page)), headers=link)

        route = paged(lambda _: pages, render=render)
        return route(request, self.server.page_fault)


def commit(sha: str, committed: datetime, *, parents: int = 1) -> dict[str, Any]:
    """Return a commit as a comparison lists it; it was authored an hour before."""
    person = {"name": "Somebody", "email": "somebody@example.com"}
    authored = committed - timedelta(hours=1)
    return {
        "sha": sha,
        "commit": {
            "author": {**person, "date": iso(authored)},
            "committer": {**person, "date": iso(committed)},
            "message": "Mend what somebody broke",
        },
        "author": {"login": "somebody"},
        "parents": [{"sha": f"p{number}"} for number in range(parents)],
    }


def pull(number: int, opened: datetime, merged: datetime | None, merge_sha: str) -> Any:
    """Return a pull request."""
    return {
        "id": number * 10,
        "number": number,
        "title": "by somebody",
        "user": {"login": "somebody"},
        "created_at": iso(opened),
        "merged_at": merged and iso(merged),
        "merge_commit_sha": merge_sha,
    }


def workflow_run(
    id_: int, created: datetime, *conclusions: str | None, sha: str = "aaa"
) -> list[dict[str, Any]]:
    """Return the attempts of a run, an hour apart; None: that attempt is running."""
    attempts = []
    for number, conclusion in enumerate(conclusions, start=1):
        started = created + timedelta(hours=number - 1)
        attempts.append(
            {
                "id": id_,
                "run_attempt": number,
                "run_number": 1,
                "path": ".github/workflows/deploy.yml@main",
                "head_sha": sha,
                "head_branch": "main",
                "event": "push",
                "status": "completed" if conclusion else "in_progress",
                "conclusion": conclusion,
                "created_at": iso(created),
                "run_started_at": iso(started),
                "updated_at": iso(started + timedelta(minutes=4)),
                "actor": {"login": "somebody"},
                "display_title": "Mend what somebody broke",
            }
        )
    return attempts


def iso(moment: datetime) -> str:
    """Return a moment as GitHub writes it."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
