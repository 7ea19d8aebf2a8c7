"""Deployments, commits and promotions as CDEvents and notices, a line each.

They arrive as real events do: by the year in which they were sent, unordered, some
twice, and a single event without its identity. Source: CDEvents 0.5.1, ``conformance``.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from ingest.sample_company.delivery.names import (
    REGISTRY,
    registered_model_of,
    repository_of,
    service_of,
)
from ingest.sample_company.formats.tables import write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime
    from pathlib import Path

    from ingest.sample_company.delivery.events import Commit, Delivery, Deployment

_Event = dict[str, Any]
_SPECVERSION: Final = "0.5.1"
_SOURCE: Final = "/nordhafen/delivery"
_TWICE_EVERY: Final = 41
_ALIAS: Final = "production"


def write_events(folder: Path, delivery: Delivery, seed: int) -> int:
    """Write a file of JSON Lines for each year; returns how many events were sent.

    An event that is sent twice, and the event that lacks its identity, do not count.
    """
    years: dict[str, list[_Event]] = defaultdict(list)
    count = 0
    for sent_at, event in _sent(delivery):
        year = years[f"{sent_at:%Y}"]
        year.append(event)
        if count % _TWICE_EVERY == 0:
            year.append(event)
        count += 1
    rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(63,)))
    folder.mkdir(parents=True, exist_ok=True)
    for number, (label, events) in enumerate(sorted(years.items())):
        lines = [json.dumps(events[i]) for i in rng.permutation(len(events))]
        if number == 0:
            lines.insert(1, json.dumps(_without_identity(events)))
        text = "".join(f"{line}\n" for line in lines)
        (folder / f"{label}.jsonl").write_text(text, encoding="utf-8")
    return count


def write_registry(folder: Path, delivery: Delivery) -> tuple[int, int]:
    """Write runs and versions as CSV; returns how many of each count."""
    runs = sorted(delivery.runs, key=lambda run: (run.started_at, run.id))
    run_rows: list[Sequence[object]] = [
        (
            *(REGISTRY, run.id, run.status.lower(), _text(run.started_at)),
            *(_text(run.ended_at), registered_model_of(run.model), run.model.feature),
            *(run.architecture, run.gpu_count, run.sha, repository_of(run.model)),
        )
        for run in runs
    ]
    versions: list[Sequence[object]] = [
        (
            *(REGISTRY, registered_model_of(run.model), run.version),
            *(_text(run.ended_at), run.id, run.sha),
        )
        for run in runs
        if run.version is not None
    ]
    header: tuple[str, ...] = (
        *("source_system", "run_id", "status", "started_at", "ended_at"),
        *("registered_model", "feature_id", "architecture", "gpu_count"),
        *("commit_sha", "repository"),
    )
    exploded = (*run_rows[0][:2], "exploded", *run_rows[0][3:])
    write_csv(folder / "training_runs.csv", header, [*run_rows, exploded])
    header = (
        *("source_system", "registered_model", "version", "created_at", "run_id"),
        "commit_sha",
    )
    nameless = (*versions[0][:2], "", *versions[0][3:])
    write_csv(folder / "model_versions.csv", header, [*versions, nameless])
    return len(run_rows), len(versions)


def _sent(delivery: Delivery) -> Iterator[tuple[datetime, _Event]]:
    for deployment, commits in _first_containing(delivery):
        yield deployment.finished_at, _deployment(deployment)
        for commit in commits:
            yield commit.merged_at, _change(deployment, commit)
    for run in delivery.runs:
        if run.promoted_at is not None:
            yield (
                run.promoted_at,
                {
                    "source_system": REGISTRY,
                    "event": "alias_set",
                    "event_id": f"{run.id}-{_ALIAS}",
                    "event_time": _text(run.promoted_at),
                    "registered_model": registered_model_of(run.model),
                    "model_version": str(run.version),
                    "alias": _ALIAS,
                },
            )


def _first_containing(
    delivery: Delivery,
) -> Iterator[tuple[Deployment, tuple[Commit, ...]]]:
    """Yield each deployment with the commits that reached users by it first."""
    waiting: dict[str, tuple[Commit, ...]] = defaultdict(tuple)
    for deployment in sorted(delivery.deployments, key=lambda each: each.created_at):
        waiting[deployment.model.id] += deployment.commits
        yield (
            deployment,
            waiting.pop(deployment.model.id) if deployment.is_counted else (),
        )


def _deployment(one: Deployment) -> _Event:
    """Return a rollout as a service event, or if failed as a pipeline run."""
    custom = {
        "repository": repository_of(one.model),
        "commit_sha": one.sha,
        "started_at": _text(one.created_at),
    }
    key = f"deployment-{one.id}"
    if not one.has_succeeded:
        content: _Event = {
            "pipelineName": f"deploy-{one.model.id}",
            "outcome": "failure",
        }
        custom["service"] = service_of(one.model)
        kind, subject = "pipelinerun.finished.0.3.0", f"run-{one.id}"
    else:
        content = {
            "environment": {"id": "production"},
            "artifactId": f"pkg:oci/{one.model.id}@sha256:{one.sha}",
        }
        verb = "rolledback" if one.kind == "rollback" else "deployed"
        kind, subject = f"service.{verb}.0.3.0", service_of(one.model)
    event = _cdevent(kind, key, one.finished_at, subject, content, custom)
    event["context"]["chainId"] = key
    return event


def _change(one: Deployment, commit: Commit) -> _Event:
    custom = {
        "commit_sha": commit.sha,
        "committed_at": _text(commit.committed_at),
        "deployment_id": f"deployment-{one.id}/production/{service_of(one.model)}",
    }
    content = {"repository": {"id": repository_of(one.model)}}
    key, subject = f"change-{commit.sha}", f"pull-{commit.pull_request}"
    kind = "change.merged.0.3.0"
    return _cdevent(kind, key, commit.merged_at, subject, content, custom)


def _cdevent(
    kind: str,
    key: str,
    moment: datetime,
    subject: str,
    content: _Event,
    custom: dict[str, str],
) -> _Event:
    return {
        "context": {
            "specversion": _SPECVERSION,
            "id": key,
            "source": _SOURCE,
            "type": f"dev.cdevents.{kind}",
            "timestamp": _text(moment),
        },
        "subject": {"id": subject, "content": content},
        "customData": custom,
        "customDataContentType": "application/json",
    }


def _without_identity(events: list[_Event]) -> _Event:
    """Return an event without its ``context.id``."""
    event = next(one for one in events if "context" in one)
    context = {k: v for k, v in event["context"].items() if k != "id"}
    return {**event, "context": context}


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
