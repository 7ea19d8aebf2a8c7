"""Convert an Argo CD application's deployments into rows.

The history of an application has its last ten full syncs that succeeded, numbered from
zero. The entry that was pruned last was a deployment too, and only its number is known
and that it was over before the oldest began; details that an earlier reading saw of it
stay. Failed syncs are in no history: only the newest operation reports them, until the
next operation. Neither reports a dry run, nor a sync of some resources only; both
deploy no revision.

Source: Argo CD ``pkg/apis/application/v1alpha1/types.go``, ``controller/sync.go``.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

from pydantic import Field

from ingest.engine.state_rows import (
    instant,
    objects,
    part_of,
    repository_name,
    row_of,
    text,
)
from triptych.core.declared import Declared

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ingest.reading.text_rows import Row

SYSTEM = "argocd"
_FAILED = frozenset({"Failed", "Error"})
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


class ArgocdEnvironment(Declared):
    """Rule that gives the environment to which an application deploys."""

    application: str = Field(default="*", description="Pattern of its name.")
    namespace: str = Field(
        default="*", description="Pattern of the namespace that it deploys to."
    )
    cluster: str = Field(
        default="*", description="Pattern of the name or address of the cluster."
    )
    environment: str = Field(description="Name of the environment.")

    def holds_for(self, application: Mapping[str, Any]) -> bool:
        """Return True if an application is of this environment."""
        to = part_of(application.get("spec"), "destination")
        named = text(part_of(application.get("metadata"), "name")) or ""
        clusters = [text(part_of(to, key)) or "" for key in ("name", "server")]
        return (
            fnmatchcase(named, self.application)
            and fnmatchcase(text(part_of(to, "namespace")) or "", self.namespace)
            and any(fnmatchcase(cluster, self.cluster) for cluster in clusters)
        )


def deployment_rows(
    application: Mapping[str, Any],
    *,
    environments: Sequence[ArgocdEnvironment],
    environment_labels: Sequence[str],
    where: str,
) -> Iterator[Row]:
    """Yield the deployments of an application, without ``observed_at``.

    Parameters
    ----------
    application : mapping
        As the API lists it.
    environments : sequence of ArgocdEnvironment
        Rules; the first that holds decides.
    environment_labels : sequence of str
        Labels that name the environment where no rule holds.
    where : str
        Name in messages.
    """
    status, spec = application.get("status"), application.get("spec")
    uid = text(part_of(application.get("metadata"), "uid"))
    told = {
        "source_system": SYSTEM,
        "attempt": 1,
        "service": text(part_of(application.get("metadata"), "name")),
        "project": text(part_of(spec, "project")),
        "environment": _environment(application, environments, environment_labels),
    }
    history = objects(part_of(status, "history") or [], "'history'", where=where)
    yield from _pruned(history, told, uid)
    for entry in history:
        deployed_at = instant(entry.get("deployedAt"))
        yield row_of(
            {
                **told,
                "deployment_id": f"{uid}/{text(entry.get('id'))}",
                "status": "success",
                "native_status": "Synced",
                "event_time": deployed_at,
                "started_at": instant(entry.get("deployStartedAt")),
                "finished_at": deployed_at,
                **_deployed(entry, entry),
            }
        )
    yield from _failure(part_of(status, "operationState"), told, uid)


def _pruned(
    history: Sequence[Mapping[str, Any]], told: Mapping[str, object], uid: str | None
) -> Iterator[Row]:
    """Yield the deployment that last left the history, if any did."""
    numbers = {
        int(number): entry
        for entry in history
        for number in (text(entry.get("id")),)
        if number is not None and number.isdecimal()
    }
    oldest = min(numbers, default=0)
    if oldest == 0:
        return
    entry = numbers[oldest]
    yield row_of(
        {
            **told,
            "deployment_id": f"{uid}/{oldest - 1}",
            "status": "inactive",
            "native_status": "Pruned",
            "event_time": instant(entry.get("deployStartedAt"))
            or instant(entry.get("deployedAt")),
        }
    )


def _failure(
    operation: object, told: Mapping[str, object], uid: str | None
) -> Iterator[Row]:
    """Yield the newest operation if it failed to deploy a revision."""
    phase = text(part_of(operation, "phase"))
    asked = part_of(part_of(operation, "operation"), "sync")
    is_partial = bool(part_of(asked, "resources")) or part_of(asked, "dryRun") is True
    if phase not in _FAILED or is_partial or not isinstance(asked, dict):
        return
    started_at = instant(part_of(operation, "startedAt"))
    finished_at = instant(part_of(operation, "finishedAt"))
    result = part_of(operation, "syncResult")
    yield row_of(
        {
            **told,
            "deployment_id": f"{uid}/failed/{text(part_of(operation, 'startedAt'))}",
            "status": "failure",
            "native_status": phase,
            "event_time": finished_at or started_at,
            "started_at": started_at,
            "finished_at": finished_at or started_at,
            **_deployed(result if isinstance(result, dict) else {}, asked),
        }
    )


def _deployed(
    synced: Mapping[str, Any], asked: Mapping[str, Any]
) -> dict[str, str | None]:
    """Return which revision was deployed from where; of several sources, the first."""
    sources = synced.get("sources") or asked.get("sources") or []
    source = synced.get("source") or (sources[0] if sources else {})
    revisions = synced.get("revisions") or asked.get("revisions") or []
    revision = text(synced.get("revision")) or text(asked.get("revision"))
    revision = revision or text(next(iter(revisions), None))
    chart = text(part_of(source, "chart"))
    is_commit = chart is None and _COMMIT.fullmatch(revision or "") is not None
    return {
        "repository": None if chart else repository_name(part_of(source, "repoURL")),
        "branch": None if chart else text(part_of(source, "targetRevision")),
        "commit_sha": revision if is_commit else None,
        # The version of a chart is no commit.
        "artifact_id": None if is_commit else _artifact(chart, revision),
    }


def _artifact(chart: str | None, revision: str | None) -> str | None:
    return f"{chart}:{revision}" if chart and revision else revision


def _environment(
    application: Mapping[str, Any],
    rules: Sequence[ArgocdEnvironment],
    labels: Sequence[str],
) -> str | None:
    for rule in rules:
        if rule.holds_for(application):
            return rule.environment
    given = part_of(application.get("metadata"), "labels")
    return next(
        (text(part_of(given, label)) for label in labels if part_of(given, label)), None
    )
