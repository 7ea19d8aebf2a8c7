"""Asks GitHub, or a GitHub Enterprise Server: deployments, runs, comparisons.

Pages are followed by the header ``Link``, and its addresses are never called as they
are: only their query is taken over. A used-up limit is waited for where that takes no
longer than a minute, and reported where it takes longer.

Source: GitHub REST API 2022-11-28, *Pagination*, *Rate limits*.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from ingest.engine.state_rows import objects, part_of, unexpected
from ingest.http.pages import each_once, follow_pages
from ingest.http.refusals import NotThereError
from ingest.source_kinds.code_hosts import CodeHostApi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import httpx

    from ingest.source_kinds.code_hosts import Access

_PER_PAGE = 100
#: A search of workflow runs answers no more than these, however many there are.
_MOST_RUNS = 1000
_SECONDARY_WAIT_SECONDS = 60.0
_LIMITING = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS})
_HEADERS = {
    "Accept": "application/vnd.github+json",
    "X-GitHub-Api-Version": "2022-11-28",
}


class GithubApi(CodeHostApi):
    """API of requests that triptych sends for each repository in turn."""

    def __init__(self, access: Access) -> None:
        super().__init__(
            access,
            headers={**_HEADERS, "Authorization": f"Bearer {access.token}"},
            limit_of=seconds_to_wait,
        )

    def probe(self, path: str) -> None:
        """Request a single entry of a list, to check that it is allowed."""
        self._client.get_json(path, params={"per_page": 1})

    def deployments(self, repository: str) -> Iterator[dict[str, Any]]:
        """Yield the deployments of a repository, newest first, as pages are read."""
        return self._items(f"/repos/{repository}/deployments")

    def statuses(self, repository: str, deployment_id: str) -> list[dict[str, Any]]:
        """Return every status of a deployment."""
        path = f"/repos/{repository}/deployments/{deployment_id}/statuses"
        return list(self._items(path))

    def compared(self, repository: str, base: str, head: str) -> list[dict[str, Any]]:
        """Return the commits that are in a revision and not in another.

        None if either of the two is no longer there.
        """
        path = f"/repos/{repository}/compare/{base}...{head}"
        try:
            return list(self._items(path, key="commits", identity="sha"))
        except NotThereError:
            return []

    def pull_requests(self, repository: str, sha: str) -> list[dict[str, Any]]:
        """Return the pull requests that a commit came by."""
        return list(self._items(f"/repos/{repository}/commits/{sha}/pulls"))

    def workflow_runs(
        self, repository: str, file: str, start: datetime, end: datetime
    ) -> Iterator[dict[str, Any]]:
        """Yield the runs of a workflow that were created in a range of time.

        A search answers a thousand at most, so a range with more is halved.
        """
        path = f"/repos/{repository}/actions/workflows/{file}/runs"
        created = f"{start:%Y-%m-%dT%H:%M:%SZ}..{end:%Y-%m-%dT%H:%M:%SZ}"
        first, _ = self._client.get_page(
            path, params={"created": created, "per_page": 1}
        )
        count = part_of(first, "total_count")
        if not isinstance(count, int):
            raise unexpected(
                "it has no 'total_count'", where=f"{self._source} ({path})"
            )
        if count > _MOST_RUNS and (end - start).total_seconds() > 1:
            middle = start + (end - start) / 2
            yield from self.workflow_runs(repository, file, start, middle)
            yield from self.workflow_runs(repository, file, middle, end)
        elif count:
            yield from self._items(
                path, key="workflow_runs", params={"created": created}
            )

    def attempt(self, repository: str, run_id: str, number: int) -> dict[str, Any]:
        """Return an attempt of a workflow run."""
        path = f"/repos/{repository}/actions/runs/{run_id}/attempts/{number}"
        found: dict[str, Any] = self._client.get_json(path)
        return found

    def _items(
        self,
        path: str,
        *,
        key: str = "",
        identity: str = "id",
        params: Mapping[str, object] | None = None,
    ) -> Iterator[dict[str, Any]]:
        where = f"{self._source} ({path})"

        def fetch(token: str | None) -> tuple[Any, Mapping[str, str]]:
            query = (
                {"per_page": _PER_PAGE, **(params or {})}
                if token is None
                else dict(parse_qsl(token))
            )
            return self._client.get_page(path, params=query)

        pages = follow_pages(fetch, lambda page: next_query(page[1]), source=where)
        found = (
            item
            for body, _ in pages
            for item in objects(
                part_of(body, key) if key else body, repr(key or "answer"), where=where
            )
        )
        return each_once(found, key=lambda item: item.get(identity))


def next_query(headers: Mapping[str, str]) -> str | None:
    """Return the query of the next page that the header ``Link`` names."""
    for link in headers.get("link", headers.get("Link", "")).split(","):
        address, _, relation = link.partition(";")
        if 'rel="next"' in relation:
            return urlsplit(address.strip().strip("<>")).query or None
    return None


def seconds_to_wait(response: httpx.Response, message: str) -> float | None:
    """Return how long a refusal asks to wait, if a limit of requests is its reason.

    GitHub refuses with 403 or 429; ``Retry-After`` or the time of the next full limit
    gives the end of the wait, and a secondary limit may give none.
    """
    if response.status_code not in _LIMITING:
        return None
    asked = response.headers.get("Retry-After", "")
    if asked.isdigit():
        return float(asked)
    reset = response.headers.get("X-RateLimit-Reset", "")
    if response.headers.get("X-RateLimit-Remaining") == "0" and reset.isdigit():
        return max(0.0, int(reset) - time.time())
    if "secondary rate limit" in message.lower():
        return _SECONDARY_WAIT_SECONDS
    return None
