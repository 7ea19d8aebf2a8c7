"""Bodies that senders of DevLake's webhooks post: deployments, and issues.

They are taken as they are, with a single difference: DevLake turns a missing ``result``
into a success and a missing ``environment`` into production. Here both stay unknown.

Source: apache/incubator-devlake ``backend/plugins/webhook/api/deployments.go`` and
``issues.go``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ingest.engine.state_rows import repository_name
from ingest.reading.event_rows import (
    UnfitEventError,
    flag,
    identifier,
    instant,
    needed,
    needed_instant,
    without_empty,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ingest.reading.text_rows import Row

Event = dict[str, Any]

SOURCE_SYSTEM = "devlake"
_RESULTS = {"SUCCESS": "success", "FAILURE": "failure", "ABORT": "cancelled"}
_ISSUE_STATUSES = {
    "TODO": "open",
    "IN_PROGRESS": "acknowledged",
    "DONE": "resolved",
}
#: A user before the host, as in ``https://user:key@host/…`` and ``git@host:…``.
_USER_IN_ADDRESS = re.compile(r"^(?P<scheme>[a-z+]+://)?[^/]*@", re.IGNORECASE)


def stripped_deployment(body: Event) -> Event:
    """Return the fields of a deployment that are kept.

    Raises
    ------
    UnfitEventError
        A member that DevLake requires is missing, or is none.
    """
    kept = {
        "id": needed(body, "id"),
        "startedDate": needed_instant(body, "startedDate"),
        "finishedDate": needed_instant(body, "finishedDate"),
        "createdDate": instant(body, "createdDate"),
        "result": identifier(body, "result"),
        "environment": identifier(body, "environment"),
        "deploymentCommits": [_stripped_commit(commit) for commit in _commits(body)],
    }
    return without_empty(kept)


def deployment_rows(
    event: Event, *, received_at: str | None
) -> Iterator[tuple[str, Row]]:
    """Yield a row for each repository that a deployment changed.

    Raises
    ------
    UnfitEventError
        As :func:`stripped_deployment`.
    """
    for commit in _commits(event):
        result = identifier(commit, "result") or identifier(event, "result")
        finished_at = instant(commit, "finishedDate") or needed_instant(
            event, "finishedDate"
        )
        yield (
            "deployments",
            {
                "source_system": SOURCE_SYSTEM,
                "deployment_id": needed(event, "id"),
                "status": _RESULTS.get((result or "").upper(), "unknown"),
                "native_status": result,
                "event_time": finished_at,
                "finished_at": finished_at,
                "started_at": instant(commit, "startedDate")
                or needed_instant(event, "startedDate"),
                "observed_at": received_at,
                "repository": repository_name(identifier(commit, "repoUrl")),
                "branch": identifier(commit, "refName"),
                "commit_sha": identifier(commit, "commitSha"),
                "environment": identifier(event, "environment"),
            },
        )


def stripped_issue(body: Event) -> Event:
    """Return the kept fields of an issue; no title, description or name.

    Raises
    ------
    UnfitEventError
        A member that DevLake requires is missing, or is none.
    """
    kept = {
        "issueKey": needed(body, "issueKey"),
        "createdDate": needed_instant(body, "createdDate"),
        "updatedDate": instant(body, "updatedDate"),
        "resolutionDate": instant(body, "resolutionDate"),
        **{
            name: identifier(body, name)
            for name in ("status", "originalStatus", "type", "severity", "component")
        },
    }
    return without_empty(kept)


def type_of_issue(event: Event) -> str:
    """Return the type that an issue is kept as: only incidents are read."""
    is_incident = (identifier(event, "type") or "").upper() == "INCIDENT"
    return "issues" if is_incident else "issues.other"


def issue_rows(event: Event, *, received_at: str | None) -> Iterator[tuple[str, Row]]:
    """Yield the state of an incident; an issue of another or no type is none.

    Raises
    ------
    UnfitEventError
        As :func:`stripped_issue`.
    """
    if type_of_issue(event) != "issues":
        return
    created_at = needed_instant(event, "createdDate")
    given = (identifier(event, "status") or "").upper()
    status = _ISSUE_STATUSES.get(given, "unknown")
    resolved_at = instant(event, "resolutionDate") if status == "resolved" else None
    yield (
        "incidents",
        {
            "source_system": SOURCE_SYSTEM,
            "incident_id": needed(event, "issueKey"),
            "status": status,
            "native_status": identifier(event, "originalStatus") or given or None,
            "event_time": resolved_at or instant(event, "updatedDate") or created_at,
            "observed_at": received_at,
            "created_at": created_at,
            "impact_started_at": created_at,
            "starts_at_record": flag(True),
            "resolved_at": resolved_at,
            "severity": identifier(event, "severity"),
            "service": identifier(event, "component"),
        },
    )


def _commits(body: Event) -> list[Any]:
    commits = body.get("deploymentCommits")
    if not isinstance(commits, list) or not commits:
        raise UnfitEventError("deploymentCommits is missing")
    return commits


def _stripped_commit(commit: object) -> Event:
    if not isinstance(commit, dict):
        raise UnfitEventError("deploymentCommits holds something else")
    address = _USER_IN_ADDRESS.sub(r"\g<scheme>", str(commit.get("repoUrl") or ""))
    kept = {
        "repoUrl": needed({"repoUrl": address}, "repoUrl"),
        "commitSha": needed(commit, "commitSha"),
        "startedDate": instant(commit, "startedDate"),
        "finishedDate": instant(commit, "finishedDate"),
        "refName": identifier(commit, "refName"),
        "result": identifier(commit, "result"),
    }
    return without_empty(kept)
