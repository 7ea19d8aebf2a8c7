"""Convert GitLab deployments and their merge requests into rows.

``status`` is the result of a deployment; the job that made it (``deployable``) has a
separate status, which may differ. The times are the job's, where there is a job: a
deployment through the API alone has none. No name and no title is taken.

Source: GitLab REST API v4, *Deployments*, *Merge requests*.
"""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from ingest.engine.state_rows import instant, part_of, row_of, text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from ingest.reading.text_rows import Row

SYSTEM = "gitlab"
_STATUSES = {
    "created": "open",
    "running": "open",
    "blocked": "open",
    "success": "success",
    "failed": "failure",
    "canceled": "cancelled",
    "skipped": "cancelled",
}
_ENDED = frozenset({"success", "failure", "cancelled"})


def deployment_row(
    deployment: Mapping[str, Any],
    *,
    repository: str,
    tiers: Mapping[str, str],
    hotfix_branches: Sequence[str],
) -> Row:
    """Return the state that a deployment is in, without ``observed_at``.

    Parameters
    ----------
    deployment : mapping
        The deployment.
    repository : str
        Path of the project.
    tiers : mapping of str to str
        Environment → tier, in place of the tier that GitLab reports.
    hotfix_branches : sequence of str
        Patterns of branches that repair production.
    """
    job, environment = deployment.get("deployable"), deployment.get("environment")
    native = text(deployment.get("status"))
    status = _STATUSES.get(native or "", "unknown")
    created_at = instant(deployment.get("created_at"))
    changed_at = instant(deployment.get("updated_at")) or created_at
    started_at = instant(part_of(job, "started_at")) or created_at
    ended_at = instant(part_of(job, "finished_at")) or changed_at
    is_over, branch = status in _ENDED, text(deployment.get("ref"))
    name = text(part_of(environment, "name"))
    return row_of(
        {
            "source_system": SYSTEM,
            "deployment_id": text(deployment.get("id")),
            "attempt": 1,
            "status": status,
            "native_status": native,
            "event_time": ended_at if is_over else _of_state(native, deployment),
            "started_at": started_at,
            "finished_at": ended_at if is_over else None,
            "repository": repository,
            "branch": branch,
            "commit_sha": text(deployment.get("sha")),
            "environment": name,
            "environment_id": text(part_of(environment, "id")),
            "environment_tier": tiers.get(name or "")
            or text(part_of(environment, "tier")),
            "is_rework": any(fnmatchcase(branch or "", p) for p in hotfix_branches)
            or None,
        }
    )


def commit_row(
    commit: Mapping[str, Any],
    merge_request: Mapping[str, Any],
    *,
    deployment: Row,
) -> Row:
    """Return a commit of a merge request, and the deployment that shipped it.

    The commits of a merge request are listed even where they were squashed.
    """
    return row_of(
        {
            "source_system": SYSTEM,
            "repository": deployment["repository"],
            "commit_sha": text(commit.get("id")),
            "committed_at": instant(commit.get("committed_date")),
            "authored_at": instant(commit.get("authored_date")),
            "deployment_id": deployment["deployment_id"],
            "deployed_sha": deployment["commit_sha"],
            "pull_request_id": text(merge_request.get("iid")),
            "pull_request_opened_at": instant(merge_request.get("created_at")),
            "merged_at": instant(merge_request.get("merged_at")),
            "is_squash": False,
        }
    )


def _of_state(
    native: str | None, deployment: Mapping[str, Any]
) -> datetime | str | None:
    """Return since when a deployment is in a state that does not end it."""
    created_at = instant(deployment.get("created_at"))
    if native == "created":
        return created_at
    if native == "running":
        started_at = instant(part_of(deployment.get("deployable"), "started_at"))
        return started_at or created_at
    return instant(deployment.get("updated_at")) or created_at
