"""Small nasty cases of delivery, each with a service or model of its own.

Rows of the canonical streams, as a connector would deliver them. What they must come to
stands in the tests, worked out by hand.
"""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

Row = dict[str, Any]

SETTINGS = """\
organisation: Example GmbH
currency: EUR
delivery:
  time_zone: Europe/Berlin
sources:
"""
CATALOG = """\
teams: [{id: crew}, {id: night}]
features: [{id: arrival, team: crew}]
models: [{id: eta, feature: arrival}, {id: twice, team: night}]
identities:
  - {service: multi-a, team: crew}
  - {service: multi-b, team: crew}
  - {registered_model: eta_regressor, model: eta}
  - {registered_model: set_twice, model: twice}
  - {service: night-shift, team: night}
"""


def deployment(service: str, number: str, at: str, sha: str | None, **more: Any) -> Row:
    """Return the successful end of a deployment to production, changed by ``more``."""
    return {
        "source_system": "ci",
        "deployment_id": f"{service}-{number}",
        "attempt": 1,
        "status": "success",
        "event_time": at,
        "service": service,
        "environment": "production",
        "commit_sha": sha,
        **more,
    }


def commit(service: str, sha: str, at: str, **more: Any) -> Row:
    """Return a commit that is deployed as its own revision, or as ``more`` says."""
    return {
        "source_system": "ci",
        "repository": service,
        "service": service,
        "commit_sha": sha,
        "committed_at": at,
        **more,
    }


def incident(service: str, number: str, status: str, at: str, **more: Any) -> Row:
    """Return a state that an incident was seen in."""
    return {
        "source_system": "pager",
        "incident_id": f"{service}-{number}",
        "status": status,
        "event_time": at,
        "service": service,
        **more,
    }


def alias(model: str, event: str, version: str | None, at: str, **more: Any) -> Row:
    """Return an event of the alias champion."""
    return {
        "source_system": "mlflow",
        "event": event,
        "registered_model": model,
        "alias": "champion",
        "model_version": version,
        "event_time": at,
        **more,
    }


DEPLOYMENTS: list[Row] = [
    deployment("redeploy", "1", "2026-03-02T10:00:00Z", "ra"),
    deployment("redeploy", "2", "2026-03-03T10:00:00Z", "ra"),
    deployment("rollback", "1", "2026-03-02T10:00:00Z", "ba"),
    deployment("rollback", "2", "2026-03-03T10:00:00Z", "bb"),
    deployment("rollback", "3", "2026-03-03T11:30:00Z", "ba"),
    deployment("rerun", "0", "2026-03-01T10:00:00Z", "ea"),
    deployment("rerun", "1", "2026-03-02T10:00:00Z", "eb", status="failure"),
    deployment("rerun", "1", "2026-03-02T10:30:00Z", "eb", attempt=2),
    deployment("squash", "1", "2026-03-02T10:00:00Z", "sa"),
    deployment("squash", "2", "2026-03-05T10:00:00Z", "sb"),
    deployment("multi-a", "1", "2026-03-02T10:00:00Z", "ma", deployment_id="multi"),
    deployment("multi-b", "1", "2026-03-02T10:00:05Z", "ma", deployment_id="multi"),
    # Polled late: replaced already; the success arrives after it, and twice.
    deployment("late", "1", "2026-03-04T10:00:00Z", "la", status="inactive"),
    deployment("late", "1", "2026-03-02T10:00:00Z", "la"),
    deployment("late", "1", "2026-03-02T10:00:00Z", "la"),
    deployment("late", "1", "2026-03-02T09:50:00Z", "la", status="open"),
    # 00:30 on 1 April in Berlin, which has summer time since 29 March.
    deployment("clocks", "1", "2026-03-01T10:00:00Z", "ca"),
    deployment("clocks", "2", "2026-03-31T22:30:00Z", "cb"),
    deployment("bare", "1", "2026-03-02T10:00:00Z", None),
    deployment("gap", "1", "2026-01-05T10:00:00Z", "ga"),
    deployment("gap", "2", "2026-01-06T10:00:00Z", "gb"),
    deployment("gap", "3", "2026-03-06T10:00:00Z", "gc"),
    deployment("both", "1", "2026-03-02T10:00:00Z", "xa"),
    deployment(
        *("both", "9", "2026-03-02T10:29:00Z", "xa"),
        source_system="gitops",
    ),
    deployment("blue", "1", "2026-03-02T10:00:00Z", "ua", environment="blue"),
    # What became of 1 and 3 later is all that was read; each held its place until the
    # next one began. 2 failed in between.
    deployment(
        *("gone", "1", "2026-01-20T10:07:00Z", "oa"),
        status="inactive",
        started_at="2026-01-05T10:00:00Z",
    ),
    deployment("gone", "2", "2026-01-10T10:00:00Z", "ob", status="failure"),
    deployment(
        *("gone", "3", "2026-03-09T10:07:00Z", "oc"),
        status="inactive",
        started_at="2026-01-20T10:00:00Z",
    ),
    deployment(
        *("gone", "4", "2026-03-09T10:07:00Z", "od"),
        started_at="2026-03-09T10:00:00Z",
    ),
    # 2 was taken down after twenty minutes: nothing shows whether it ever ran.
    deployment("lost", "1", "2026-01-10T10:00:00Z", "ta", status="failure"),
    deployment(
        *("lost", "2", "2026-01-20T10:20:00Z", "tb"),
        status="inactive",
        started_at="2026-01-20T10:00:00Z",
    ),
    deployment("lost", "3", "2026-03-09T10:00:00Z", "tc"),
    deployment("night-shift", "1", "2026-03-02T10:00:00Z", "na"),
    deployment("night-shift", "2", "2026-03-09T10:00:00Z", "nb"),
]
COMMITS: list[Row] = [
    commit("squash", "sa", "2026-03-01T10:00:00Z"),
    commit(
        *("squash", "sb", "2026-03-05T09:00:00Z"),
        is_squash="true",
        pull_request_opened_at="2026-03-03T10:00:00Z",
    ),
    commit("gap", "ga", "2020-01-01T00:00:00Z"),
    commit("gap", "gb", "2026-01-06T09:00:00Z"),
    commit("gap", "gc", "2026-03-06T09:00:00Z"),
    commit("clocks", "cb", "2026-03-29T00:30:00Z"),
]
INCIDENTS: list[Row] = [
    # Opened again: delivered out of order, one state twice.
    incident("night-shift", "1", "resolved", "2026-03-09T15:00:00Z"),
    incident("night-shift", "1", "open", "2026-03-09T12:00:00Z"),
    incident("night-shift", "1", "resolved", "2026-03-09T13:00:00Z"),
    incident("night-shift", "1", "open", "2026-03-09T14:00:00Z"),
    incident("night-shift", "1", "resolved", "2026-03-09T13:00:00Z"),
    # Open for ever, and no deployment within a day before it.
    incident("night-shift", "2", "open", "2026-03-20T12:00:00Z"),
    # Names a deployment of a week before.
    incident(
        *("night-shift", "3", "resolved", "2026-03-09T09:00:00Z"),
        impact_started_at="2026-03-08T10:00:00Z",
        deployment_id="night-shift-1",
    ),
    incident("night-shift", "4", "resolved", "2026-03-10T10:00:00Z", is_test="true"),
    # Over the night in which the clocks go forward: two hours, whatever they show.
    incident(
        *("clocks", "1", "resolved", "2026-03-29T02:30:00Z"),
        impact_started_at="2026-03-29T00:30:00Z",
    ),
]
TRAINING_RUNS: list[Row] = [
    {
        "source_system": "mlflow",
        "run_id": "run-2",
        "status": "finished",
        "started_at": "2026-03-02T22:00:00Z",
        "ended_at": "2026-03-02T22:28:22.832Z",
        "registered_model": "eta_regressor",
        "architecture": "gru",
        "commit_sha": "code-2",
    },
    {
        "source_system": "mlflow",
        "run_id": "run-backwards",
        "status": "finished",
        "started_at": "2026-03-02T22:00:00Z",
        "ended_at": "2026-03-02T21:00:00Z",
        "registered_model": "eta_regressor",
    },
]
MODEL_VERSIONS: list[Row] = [
    {
        "source_system": "mlflow",
        "registered_model": model,
        "model_version": version,
        "created_at": at,
        "run_id": run,
    }
    for model, version, at, run in (
        ("eta_regressor", "1", "2026-03-01T10:00:00Z", None),
        # 0.1 s before its run ends.
        ("eta_regressor", "2", "2026-03-02T22:28:22.732Z", "run-2"),
        ("set_twice", "1", "2026-03-01T10:00:00Z", None),
        ("set_twice", "2", "2026-03-02T10:00:00Z", None),
    )
]
PROMOTIONS: list[Row] = [
    alias("eta_regressor", "alias_seen", "1", "2026-03-01T12:00:00Z"),
    alias("eta_regressor", "alias_set", "2", "2026-03-02T22:30:46.449Z", event_id="a"),
    alias("set_twice", "alias_set", "1", "2026-03-01T12:00:00Z", event_id="b"),
    alias("set_twice", "alias_set", "1", "2026-03-01T12:00:01Z", event_id="c"),
    alias("set_twice", "alias_set", "2", "2026-03-02T12:00:00Z", event_id="d"),
    alias("set_twice", "alias_set", "1", "2026-03-02T13:00:00Z", event_id="e"),
]
#: Answers by group: 9 of one team, 3 of another, 6 and 7 of two more.
SURVEY: list[Row] = [
    {
        "wave_id": "spring",
        "submitted_on": "2026-03-10T00:00:00Z",
        "group_id": group,
        "item_id": "recommend",
        "scale_min": 0,
        "scale_max": 10,
        "value": (number * 7) % 11,
        "respondent_hash": f"{group}-{number}",
    }
    for group, people in (("north", 9), ("south", 3), ("east", 6), ("west", 7))
    for number in range(people)
]

STREAMS: Mapping[str, list[Row]] = {
    "deployments": DEPLOYMENTS,
    "commits": COMMITS,
    "incidents": INCIDENTS,
    "training_runs": TRAINING_RUNS,
    "model_versions": MODEL_VERSIONS,
    "promotions": PROMOTIONS,
    "survey_responses": SURVEY,
}


def write_workspace(root: Path, streams: Mapping[str, Iterable[Row]]) -> None:
    """Write a workspace whose sources are one table per stream."""
    root.mkdir(parents=True, exist_ok=True)
    settings = SETTINGS
    for stream, rows in streams.items():
        write_csv(root / f"{stream}.csv", rows)
        kind = stream.partition("__")[0]
        settings += (
            f"  - {{name: {stream.replace('__', '-')}, type: tables,"
            f" stream: {kind}, path: {stream}.csv}}\n"
        )
    (root / "triptych.yml").write_text(settings, encoding="utf-8")
    (root / "catalog.yml").write_text(CATALOG, encoding="utf-8")


def write_csv(path: Path, rows: Iterable[Row]) -> None:
    """Write rows under the union of their columns."""
    rows = list(rows)
    columns = list(dict.fromkeys(column for row in rows for column in row))
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns)
        writer.writeheader()
        writer.writerows(rows)
