"""Jira: booked hours by team and category, and those that were deleted since.

Jira lists worklogs by the time of their change, a thousand at a time, and withholds the
last minute; so each run begins an hour before the last run ended. Deletions have a
separate list, which is read for the last sixty days each time.

Source: Jira Cloud platform REST API v3 (``worklog/updated``, ``worklog/deleted``,
``worklog/list``, ``issue/bulkfetch``).
"""

from __future__ import annotations

import base64
import hashlib
import logging
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import parse_qs, urlsplit

from pydantic import Field

from ingest.connector import (
    Delivery,
    Finding,
    SourceConfig,
    Window,
)
from ingest.engine.state_rows import objects, part_of, text, unexpected
from ingest.http.client import HttpClient, secret_from_environment
from ingest.http.options import BaseUrl, RequestsPerSecond, TimeoutSeconds
from ingest.http.pages import follow_pages
from ingest.source_kinds.polled import PolledSource
from ingest.sources.jira.worklog_rows import (
    WorklogMapping,
    WorklogRule,
    deleted_row,
    worklog_row,
)
from triptych.core.log_events import LogEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

log = logging.getLogger(__name__)

WORKLOGS = "worklogs"
_UPDATED = "/rest/api/3/worklog/updated"
_DELETED = "/rest/api/3/worklog/deleted"
_LIST = "/rest/api/3/worklog/list"
_ISSUES = "/rest/api/3/issue/bulkfetch"
_FIRST_READ_DAYS = 365
_OVERLAP = timedelta(hours=1)
_MOST_WORKLOGS = 1000
_MOST_ISSUES = 100
_ISSUE_FIELDS = ("project", "labels", "components", "issuetype")
_CHECKED_DAYS = 7
_READING_VERSION = 1


class JiraWorklogsConfig(SourceConfig):
    """Options of a ``jira_worklogs`` source."""

    base_url: BaseUrl = Field(description="Address of the site.")
    auth: Literal["basic", "bearer"] = Field(
        default="basic", description="basic: an account's API token; bearer: a token."
    )
    user_variable: str = Field(
        default="JIRA_USER",
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable that holds the account's address.",
    )
    token_variable: str = Field(
        default="JIRA_API_TOKEN",
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable that holds the token.",
    )
    mapping: tuple[WorklogRule, ...] = Field(
        default=(),
        description="Ordered rules from project, label, component, issue_type or a"
        " custom field to category, team, model, feature and incident.",
    )
    start_date: date | None = Field(
        default=None, description="Changes before it are never asked for; else a year."
    )
    deletion_days: int = Field(
        default=60, ge=1, le=365, description="How far back deletions are read again."
    )
    timeout_seconds: TimeoutSeconds = 60
    requests_per_second: RequestsPerSecond = None


class JiraWorklogs(PolledSource[JiraWorklogsConfig]):
    """Source of the booked hours of a Jira site."""

    type: ClassVar[str] = "jira_worklogs"

    def __init__(self, config: JiraWorklogsConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._mapping = WorklogMapping(config.mapping)

    def streams(self) -> Sequence[str]:
        """Return the stream of booked hours."""
        return (WORKLOGS,)

    def probe(self) -> Iterator[Finding]:
        """Probe the token, and report how much of the last week it cannot see."""
        since = self._now() - timedelta(days=_CHECKED_DAYS)
        with self._client() as client:
            ids = list(self._changes(client, _UPDATED, since))
            seen = self._worklogs(client, ids)
            self._issues(client, seen.values())
            list(self._changes(client, _DELETED, since))
        hidden = len(ids) - len(seen)
        told = f"{len(seen)} worklogs were changed in the last {_CHECKED_DAYS} days"
        if not hidden:
            yield Finding(True, f"{told}.")
            return
        yield Finding(
            False,
            f"{told}, and {hidden} more cannot be seen.",
            "Give the account Browse projects on all projects, and the roles and"
            " groups to which worklogs are restricted.",
        )

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Yield hours booked or changed since the last time, and deletions."""
        now = self._now()
        with self._client() as client:
            yield from self._booked(client, self._since(window, now), now)
            yield from self._deleted(client, now)

    def _origin(self, delivery: Delivery) -> str:
        return f"{self._config.base_url}#{delivery.scope}"

    def _booked(
        self, client: HttpClient, since: datetime, now: datetime
    ) -> Iterator[Delivery]:
        changes = self._changes(client, _UPDATED, since)
        worklogs = self._worklogs(client, list(changes))
        issues = self._issues(client, worklogs.values())
        following = now - _OVERLAP
        rows, listed_again = [], []
        for id_, worklog in worklogs.items():
            issue = issues.get(text(worklog.get("issueId")) or "")
            row = worklog_row(worklog, issue, self._mapping, where=self._where)
            rows.append(row)
            if changes[id_] >= _milliseconds(following):
                listed_again.append(row)
        if rows:
            yield self._loads.offer(
                WORKLOGS,
                self._group,
                rows,
                now=now,
                label=f"worklogs at {self._config.base_url}",
                notes={"since": following.isoformat()},
                next_rows=listed_again,
            )

    def _deleted(self, client: HttpClient, now: datetime) -> Iterator[Delivery]:
        since = now - timedelta(days=self._config.deletion_days)
        changes = self._changes(client, _DELETED, since)
        rows = [
            deleted_row({"worklogId": id_, "updatedTime": moment})
            for id_, moment in changes.items()
        ]
        if rows:
            yield self._loads.offer(
                WORKLOGS,
                "deleted",
                rows,
                now=now,
                label=f"deleted worklogs at {self._config.base_url}",
            )

    def _since(self, window: Window, now: datetime) -> datetime:
        """Return from when on changes are asked for."""
        first = self._config.start_date
        start = now - timedelta(days=_FIRST_READ_DAYS)
        if first is not None:
            start = datetime.combine(first, time(tzinfo=UTC))
        since = self._loads.since(WORKLOGS, self._group, first=start, window=window)
        return max(start, since)

    def _changes(
        self, client: HttpClient, path: str, since: datetime
    ) -> dict[str, int]:
        """Return the ids that a list of changes names, with the time of the change."""
        first = str(_milliseconds(since))
        changes: dict[str, int] = {}
        for page in follow_pages(
            lambda token: client.get_json(path, params={"since": token or first}),
            self._next,
            source=self._where,
        ):
            for change in objects(part_of(page, "values"), "values", where=self._where):
                id_, moment = text(change.get("worklogId")), change.get("updatedTime")
                if id_ is None or not isinstance(moment, int):
                    raise unexpected("a change has no id or time", where=self._where)
                changes[id_] = max(moment, changes.get(id_, 0))
        return changes

    def _next(self, page: object) -> str | None:
        """Return the start of the next page, which is given in its address."""
        if part_of(page, "lastPage") is True:
            return None
        address = urlsplit(text(part_of(page, "nextPage")) or "")
        following = parse_qs(address.query).get("since", [])
        if len(following) != 1:
            raise unexpected("a page names no next one", where=self._where)
        return following[0]

    def _worklogs(
        self, client: HttpClient, ids: Sequence[str]
    ) -> dict[str, dict[str, Any]]:
        worklogs = {}
        for start in range(0, len(ids), _MOST_WORKLOGS):
            asked = ids[start : start + _MOST_WORKLOGS]
            # Ids are numbers for this question, and texts in its answer.
            answer = client.post_json(_LIST, body={"ids": [int(id_) for id_ in asked]})
            for worklog in objects(answer, "the list", where=self._where):
                worklogs[text(worklog.get("id")) or ""] = worklog
        hidden = len(ids) - len(worklogs)
        if hidden:
            log.warning(
                LogEvent("worklogs_not_seen", count=hidden, source=self._config.name)
            )
        return worklogs

    def _issues(
        self, client: HttpClient, worklogs: Iterable[Mapping[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        ids = sorted(
            {text(worklog.get("issueId")) or "" for worklog in worklogs} - {""}
        )
        issues = {}
        for start in range(0, len(ids), _MOST_ISSUES):
            body = {
                "issueIdsOrKeys": ids[start : start + _MOST_ISSUES],
                "fields": [*_ISSUE_FIELDS, *self._mapping.custom_fields],
            }
            answer = part_of(client.post_json(_ISSUES, body=body), "issues")
            for issue in objects(answer, "issues", where=self._where):
                issues[text(issue.get("id")) or ""] = issue
        return issues

    @property
    def _group(self) -> str:
        """Changes whenever the same answers would become other rows."""
        reading = repr([_READING_VERSION, self._mapping])
        return f"booked/{hashlib.sha256(reading.encode()).hexdigest()[:16]}"

    def _client(self) -> HttpClient:
        config = self._config
        advice = (
            f"Let {config.token_variable} hold an API token with the scope"
            " read:jira-work, of an account with Browse projects on the projects whose"
            " hours count."
        )
        token = secret_from_environment(
            config.token_variable, source=self._where, advice=advice
        )
        secrets, authorization = [token], f"Bearer {token}"
        if config.auth == "basic":
            user = secret_from_environment(
                config.user_variable,
                source=self._where,
                advice=f"Let {config.user_variable} hold the address of its account.",
            )
            basic = base64.b64encode(f"{user}:{token}".encode()).decode()
            secrets, authorization = [token, basic, user], f"Basic {basic}"
        return HttpClient(
            base_url=config.base_url,
            source=self._where,
            headers={"Authorization": authorization, "Accept": "application/json"},
            secrets=secrets,
            denied_advice=advice,
            timeout_seconds=config.timeout_seconds,
            requests_per_second=config.requests_per_second,
        )


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
