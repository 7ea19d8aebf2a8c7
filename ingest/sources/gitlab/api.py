"""GitLab client: deployments of a project, and the changes in each.

Deployments are listed by the time of their change, oldest first, so a deployment that
changes while they are paged moves to the end, and those that came after it move up a
place, perhaps past the reader. Then it is listed twice with two times, and the list is
read again.

Source: GitLab REST API v4, *Pagination*, *Deployments*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ingest.engine.state_rows import objects, part_of, text, unexpected
from ingest.http.pages import each_once, follow_pages
from ingest.source_kinds.code_hosts import CodeHostApi

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from ingest.source_kinds.code_hosts import Access

_PER_PAGE = 100
_READ_AGAIN = 3


class GitlabApi(CodeHostApi):
    """API of requests that triptych sends for each project in turn."""

    def __init__(self, access: Access) -> None:
        super().__init__(access, headers={"PRIVATE-TOKEN": access.token})

    def path_of(self, project: str) -> str:
        """Return the path of a project that is named by its path or number."""
        answer = self._client.get_json(_address(project))
        path = text(part_of(answer, "path_with_namespace"))
        if path is None:
            where = f"{self._source} ({_address(project)})"
            raise unexpected("it has no 'path_with_namespace'", where=where)
        return path

    def probe(self, project: str, path: str) -> None:
        """Request a single entry of a list, to check that it is allowed."""
        self._client.get_json(f"{_address(project)}/{path}", params={"per_page": 1})

    def deployments(self, project: str, since: datetime) -> list[dict[str, Any]]:
        """Return the deployments of a project that changed after a moment."""
        asked = {
            "updated_after": f"{since:%Y-%m-%dT%H:%M:%SZ}",
            "order_by": "updated_at",
            "sort": "asc",
        }
        found: dict[object, dict[str, Any]] = {}
        for _ in range(_READ_AGAIN):
            has_moved = False
            for item in self._items(f"{_address(project)}/deployments", asked):
                before = found.get(item.get("id"))
                has_moved |= before is not None and before != item
                found[item.get("id")] = item
            if not has_moved:
                break
        return list(found.values())

    def merge_requests(self, project: str, deployment_id: str) -> list[dict[str, Any]]:
        """Return the merge requests that a deployment was the first to ship."""
        path = f"{_address(project)}/deployments/{deployment_id}/merge_requests"
        return list(each_once(self._items(path), key=lambda one: one.get("id")))

    def commits(self, project: str, merge_request: str) -> list[dict[str, Any]]:
        """Return the commits of a merge request."""
        path = f"{_address(project)}/merge_requests/{merge_request}/commits"
        return list(each_once(self._items(path), key=lambda one: one.get("id")))

    def _items(
        self, path: str, params: Mapping[str, object] | None = None
    ) -> Iterator[dict[str, Any]]:
        where = f"{self._source} ({path})"

        def fetch(page: str | None) -> tuple[Any, Mapping[str, str]]:
            query = {**(params or {}), "per_page": _PER_PAGE, "page": page}
            return self._client.get_page(path, params=query)

        pages = follow_pages(
            fetch, lambda page: page[1].get("x-next-page") or None, source=where
        )
        for body, _ in pages:
            yield from objects(body, "the answer", where=where)


def _address(project: str) -> str:
    return f"/api/v4/projects/{quote(project, safe='')}"
