"""Convert GitHub deployments, workflow runs and commits into rows.

A deployment's newest status is not its outcome: GitHub writes ``inactive`` over an
earlier success. So each status is a row, and so is the creation. No data on people is
taken: no author, no message, no title; of a deployment's payload only named fields are.

Source: GitHub REST API 2022-11-28, *Deployments*, *Deployment statuses*, *Workflow
runs*, *Commits*; webhooks of the same names carry the same objects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ingest.engine.state_rows import instant, part_of, row_of, text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from ingest.reading.text_rows import Row

SYSTEM = "github"
_CREATED = "created"
_STATUSES = {
    _CREATED: "open",
    "queued": "open",
    "pending": "open",
    "in_progress": "open",
    "waiting": "open",
    "success": "success",
    "failure": "failure",
    "error": "failure",
    "inactive": "inactive",
}
_CONCLUSIONS = {
    "success": "success",
    "failure": "failure",
    "timed_out": "failure",
    "startup_failure": "failure",
    "cancelled": "cancelled",
    "skipped": "cancelled",
    "neutral": "cancelled",
    "stale": "cancelled",
    "action_required": "open",
}
_ENDED = frozenset({"success", "failure", "cancelled"})

#: Columns that a deployment's payload may fill, under keys of the same name.
PAYLOAD_COLUMNS = (
    *("service", "registered_model", "model_version", "model_id", "feature_id"),
    *("artifact_id", "incident_id"),
)


@dataclass(frozen=True, slots=True)
class GithubReading:
    """Settings for reading GitHub's answers.

    Parameters
    ----------
    payload : mapping of str to str
        Column of :data:`PAYLOAD_COLUMNS` → key in the payload of a deployment.
    environment_tiers : mapping of str to str
        Environment → tier.
    hotfix_branches : sequence of str
        Patterns of the branches or tags that repair something in production.
    """

    payload: Mapping[str, str] = field(
        default_factory=lambda: {name: name for name in PAYLOAD_COLUMNS}
    )
    environment_tiers: Mapping[str, str] = field(default_factory=dict)
    hotfix_branches: Sequence[str] = ("hotfix/*",)


def deployment_row(
    deployment: Mapping[str, Any],
    *,
    repository: str,
    reading: GithubReading,
    status: Mapping[str, Any] | None = None,
) -> Row:
    """Return a state of a deployment, without ``observed_at``.

    Parameters
    ----------
    deployment : mapping
        The deployment.
    repository : str
        ``owner/name``.
    reading : GithubReading
        Settings for reading it.
    status : mapping, optional
        A status of it; without a status, the row is its creation.
    """
    created_at = instant(deployment.get("created_at"))
    native = _CREATED if status is None else text(status.get("state"))
    state = _STATUSES.get(native or "", "unknown")
    event_time = created_at if status is None else instant(status.get("created_at"))
    environment = text(deployment.get("environment"))
    branch, task = text(deployment.get("ref")), text(deployment.get("task"))
    return row_of(
        {
            "source_system": SYSTEM,
            "deployment_id": text(deployment.get("id")),
            "attempt": 1,
            "status": state,
            "native_status": native,
            "event_time": event_time,
            "started_at": created_at,
            "finished_at": event_time if state in _ENDED else None,
            "repository": repository,
            "branch": branch,
            "commit_sha": text(deployment.get("sha")),
            "environment": environment,
            "environment_tier": reading.environment_tiers.get(environment or ""),
            "is_rollback": True if task == "rollback" else None,
            "is_rework": _is_hotfix(branch, reading),
            "change_hint": task,
            **_named_in(deployment.get("payload"), reading),
        }
    )


def workflow_run_row(
    run: Mapping[str, Any],
    *,
    repository: str,
    environment: str,
    reading: GithubReading,
) -> Row:
    """Return the state of an attempt of a workflow run that deploys.

    A run that is repeated keeps its id; the attempt distinguishes the repeats. Ids of
    runs and of deployments are counted apart, so a run's has a prefix.
    """
    status, conclusion = text(run.get("status")), text(run.get("conclusion"))
    is_over = status == "completed"
    state = _CONCLUSIONS.get(conclusion or "", "unknown") if is_over else "open"
    started_at = instant(run.get("run_started_at")) or instant(run.get("created_at"))
    changed_at = instant(run.get("updated_at")) or started_at
    branch = text(run.get("head_branch"))
    return row_of(
        {
            "source_system": SYSTEM,
            "deployment_id": f"run/{text(run.get('id'))}",
            "attempt": text(run.get("run_attempt")) or "1",
            "status": state,
            "native_status": conclusion if is_over else status,
            "event_time": changed_at if is_over else started_at,
            "started_at": started_at,
            "finished_at": changed_at if state in _ENDED else None,
            "repository": repository,
            "branch": branch,
            "commit_sha": text(run.get("head_sha")),
            "environment": environment,
            "environment_tier": reading.environment_tiers.get(environment),
            "is_rework": _is_hotfix(branch, reading),
        }
    )


def workflow_path(run: Mapping[str, Any]) -> str:
    """Return the file of a run's workflow, without the branch that GitHub may add.

    Examples
    --------
    >>> workflow_path({"path": ".github/workflows/build.yml@main"})
    '.github/workflows/build.yml'
    """
    return (text(run.get("path")) or "").partition("@")[0]


def commit_row(
    commit: Mapping[str, Any],
    pull: Mapping[str, Any] | None,
    *,
    repository: str,
    deployment_id: str,
    deployed_sha: str,
) -> Row:
    """Return a commit that a deployment was the first to bring.

    Parameters
    ----------
    commit : mapping
        As a comparison of two revisions lists it.
    pull : mapping, optional
        The pull request that it came by.
    repository, deployment_id, deployed_sha : str
        Deployment and revision that brought it.
    """
    sha, dates = text(commit.get("sha")), commit.get("commit")
    is_merge = len(commit.get("parents") or []) > 1
    is_all_of_it = pull is not None and text(pull.get("merge_commit_sha")) == sha
    return row_of(
        {
            "source_system": SYSTEM,
            "repository": repository,
            "commit_sha": sha,
            "committed_at": instant(part_of(part_of(dates, "committer"), "date")),
            "authored_at": instant(part_of(part_of(dates, "author"), "date")),
            "deployment_id": deployment_id,
            "deployed_sha": deployed_sha,
            "pull_request_id": text(part_of(pull, "number")),
            "pull_request_opened_at": instant(part_of(pull, "created_at")),
            "merged_at": instant(part_of(pull, "merged_at")),
            # The only commit of a pull request is no merge: it was squashed, and the
            # commits that it was made of are not reported.
            "is_squash": None if pull is None else is_all_of_it and not is_merge,
        }
    )


def _is_hotfix(branch: str | None, reading: GithubReading) -> bool | None:
    patterns = reading.hotfix_branches
    return any(fnmatchcase(branch or "", pattern) for pattern in patterns) or None


def _named_in(payload: object, reading: GithubReading) -> dict[str, str | None]:
    """Return the names in a payload, given as an object or as its text."""
    if isinstance(payload, str):
        try:
            payload = json.loads(payload)
        except (ValueError, RecursionError):
            return {}
    if not isinstance(payload, Mapping):
        return {}
    return {
        column: text(payload.get(key))
        for column, key in reading.payload.items()
        if text(payload.get(key))
    }


def moment_of(item: Mapping[str, Any], name: str) -> datetime | None:
    """Return a time of an answer; ``None`` if it is missing."""
    found = instant(item.get(name))
    return None if isinstance(found, str) else found
