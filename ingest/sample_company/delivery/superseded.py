"""Superseded deployments, as GitHub and Argo CD still record them.

Two services of the platform team ship through them. Facts that a system overwrote or
forgot are left out here as they are there, and the expected reading is written down
beside. Railway's are with its recorded answers.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final, Literal

from ingest.sample_company.formats.answers import (
    made_up_uuid,
    write_json,
    write_json_lines,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ingest.sample_company.timeline import Timeline

    Seen = Literal["stated", "replaced", "rolled_back_to"]

TEAM: Final = "ml-platform"
STORE: Final = "feature-store"
ROUTER: Final = "model-router"
PROMPTS: Final = "prompt-store"
SERVICES: Final = (STORE, ROUTER, PROMPTS)
_REPOSITORY: Final = f"nordhafen/{STORE}"
_ROLLOUT: Final = timedelta(minutes=6)
#: So many full syncs Argo CD keeps of an application.
_HISTORY: Final = 10
#: Syncs of an application by the day, the newest on the second to last day.
_DAYS_BETWEEN_SYNCS: Final = 9
_SYNCS: Final = 14
_FIRST_LIST_AFTER: Final = 11


@dataclass(frozen=True, slots=True)
class Rollout:
    """GitHub deployment: days before the end, its states, and its result.

    ``known_by`` names the evidence that it ran; ``None`` where there is no evidence.
    """

    days_before_end: int
    states: tuple[str, ...]
    outcome: Literal["success", "failure", "unknown"]
    known_by: Seen | None
    version: int
    task: str = "deploy"


#: For three no *success* was delivered. The first held its place until the next began;
#: two were taken down within minutes: the later was returned to, and nothing shows that
#: the earlier ran.
ROLLOUTS: Final = (
    Rollout(86, ("in_progress", "inactive"), "success", "replaced", 1),
    Rollout(72, ("in_progress", "success", "inactive"), "success", "stated", 2),
    Rollout(58, ("in_progress", "failure"), "failure", "stated", 3),
    Rollout(57, ("in_progress", "withdrawn"), "unknown", None, 4),
    Rollout(44, ("in_progress", "success", "inactive"), "success", "stated", 5),
    Rollout(30, ("in_progress", "withdrawn"), "success", "rolled_back_to", 6),
    Rollout(29, ("in_progress", "success", "inactive"), "success", "stated", 7),
    Rollout(
        28, ("in_progress", "success", "inactive"), "success", "stated", 6, "rollback"
    ),
    Rollout(1, ("in_progress", "success"), "success", "stated", 8),
)
_WITHDRAWN: Final = "withdrawn"


def write_superseded(folder: Path, timeline: Timeline) -> None:
    """Write GitHub's webhook events, and two lists of Argo CD applications."""
    write_json_lines(
        folder / "github" / "deployments.jsonl.gz", list(_github_events(timeline))
    )
    lists = folder / "argocd" / "api/v1/applications"
    first = [_application(ROUTER, _FIRST_LIST_AFTER, timeline)]
    second = [_application(name, _SYNCS, timeline) for name in (ROUTER, PROMPTS)]
    second[0]["status"]["history"].append(_unreadable(second[0]))
    for number, items in enumerate((first, second), start=1):
        write_json(lists / f"{number}.json.gz", {"metadata": {}, "items": items})


def superseded_truth() -> dict[str, Any]:
    """Return service → outcome and evidence of each deployment, by id."""
    return {
        STORE: {
            _github_id(number): {"outcome": one.outcome, "known_by": one.known_by}
            for number, one in enumerate(ROLLOUTS)
        },
        # The first list has the sync that the second had forgotten.
        ROUTER: _syncs(ROUTER, first_known=_FIRST_LIST_AFTER - _HISTORY),
        PROMPTS: _syncs(PROMPTS, first_known=_SYNCS - _HISTORY),
    }


def _syncs(application: str, *, first_known: int) -> dict[str, Any]:
    """Return the known syncs; of the sync before the first, only its presence."""
    return {
        f"{_uid(application)}/{number}": {
            "outcome": "success" if number >= first_known else "unknown",
            "known_by": "stated" if number >= first_known else None,
        }
        for number in range(first_known - 1, _SYNCS)
    }


def _github_id(number: int) -> str:
    return str(2_200_000_001 + 7 * number)


def _github_events(timeline: Timeline) -> Iterator[dict[str, Any]]:
    """Yield deliveries as the receiver keeps them; the last has no time in it."""
    for number, one in enumerate(ROLLOUTS):
        for state in one.states:
            yield _received(
                _deployment(number, timeline),
                "inactive" if state == _WITHDRAWN else state,
                _changed_at(number, state, timeline),
            )
    last = _deployment(len(ROLLOUTS) - 1, timeline)
    yield _received({**last, "id": 1}, "success", "yesterday")


def _deployment(number: int, timeline: Timeline) -> dict[str, Any]:
    one = ROLLOUTS[number]
    return {
        "id": int(_github_id(number)),
        "created_at": _text(_moment(one.days_before_end, timeline)),
        "sha": _commit(STORE, one.version),
        "ref": "main",
        "task": one.task,
        "environment": "production",
        "payload": {"service": STORE},
    }


def _changed_at(number: int, state: str, timeline: Timeline) -> str:
    """Return when a deployment came into a state: inactive with the next success."""
    created = _moment(ROLLOUTS[number].days_before_end, timeline)
    if state == "inactive":
        later = next(r for r in ROLLOUTS[number + 1 :] if "success" in r.states)
        created = _moment(later.days_before_end, timeline)
    minutes = {"in_progress": 1, _WITHDRAWN: 25}.get(state)
    took = _ROLLOUT if minutes is None else timedelta(minutes=minutes)
    return _text(created + took)


def _received(
    deployment: dict[str, Any], state: str, created_at: str
) -> dict[str, Any]:
    key = made_up_uuid(STORE, str(deployment["id"]), state)
    return {
        "format": "triptych.event/1",
        "kind": "github",
        "type": "deployment_status",
        "key": key,
        "received_at": deployment["created_at"],
        "event": {
            "event": "deployment_status",
            "repository": {"full_name": _REPOSITORY},
            "deployment": deployment,
            "deployment_status": {"state": state, "created_at": created_at},
        },
    }


def _application(name: str, sync_count: int, timeline: Timeline) -> dict[str, Any]:
    """Return an application as it was listed after so many syncs."""
    history = [
        _entry(name, number, timeline)
        for number in range(sync_count - _HISTORY, sync_count)
    ]
    return {
        "metadata": {
            "name": name,
            "namespace": "argocd",
            "uid": _uid(name),
            "labels": {"environment": "production"},
        },
        "spec": {
            "project": "ml",
            "destination": {"server": "https://apps.nordhafen.example"},
        },
        "status": {"history": history, "sync": {"status": "Synced"}},
    }


def _entry(name: str, number: int, timeline: Timeline) -> dict[str, Any]:
    days = 1 + (_SYNCS - 1 - number) * _DAYS_BETWEEN_SYNCS
    started = _moment(days, timeline)
    return {
        "id": number,
        "revision": _commit(name, number),
        "deployStartedAt": _text(started),
        "deployedAt": _text(started + _ROLLOUT),
        "source": {
            "repoURL": "https://github.com/nordhafen/deploy.git",
            "targetRevision": "main",
        },
    }


def _unreadable(application: dict[str, Any]) -> dict[str, Any]:
    last = application["status"]["history"][-1]
    return {**last, "id": _SYNCS, "deployedAt": "yesterday"}


def _commit(name: str, number: int) -> str:
    return hashlib.sha256(f"{name}/{number}".encode()).hexdigest()[:40]


def _uid(application: str) -> str:
    return made_up_uuid("argocd", application)


def _moment(days_before_end: int, timeline: Timeline) -> datetime:
    day = timeline.end - timedelta(days=days_before_end)
    return datetime.combine(day, time(10), UTC)


def _text(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
