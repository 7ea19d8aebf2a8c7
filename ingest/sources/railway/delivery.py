"""Railway operations: deployments, request counts and latency."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from ingest.sources.railway.periods import Period, to_moment

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from ingest.reading.label_mapping import LabelMapping, Target
    from ingest.sources.railway.api import RailwayApi
    from ingest.sources.railway.places import Names, Place

SYSTEM = "railway"
_MILLISECONDS = 1000
_PERCENTILES = ("p50", "p90", "p95", "p99")
_SUCCESSFUL = range(200, 400)

#: Railway's states as the canonical stream calls them. A state of replaced, removed or
#: asleep does not show how its rollout ended.
_STATUSES = {
    "SUCCESS": "success",
    "FAILED": "failure",
    "CRASHED": "failure",
    "SKIPPED": "cancelled",
    "REMOVED": "inactive",
    "REMOVING": "inactive",
    "SLEEPING": "inactive",
    "BUILDING": "open",
    "DEPLOYING": "open",
    "INITIALIZING": "open",
    "NEEDS_APPROVAL": "open",
    "QUEUED": "open",
    "WAITING": "open",
}
_ENDED = frozenset({"success", "failure", "cancelled"})


@dataclass(frozen=True, slots=True)
class Served:
    """Services of a week with requests that belong to a model or a pool."""

    week: Period
    places: tuple[tuple[Place, Target], ...]


def deployment_row(
    node: Mapping[str, Any],
    *,
    names: Names,
    mapping: LabelMapping,
    tiers: Mapping[str, str],
    where: str,
) -> dict[str, Any]:
    """Return a deployment in the state that it is in now.

    Of ``meta``, which also holds messages and names of people, only the identity of the
    change is taken.
    """
    place = names.place(node)
    status = _STATUSES.get(node["status"], "unknown")
    started_at = to_moment(node["createdAt"], where=where)
    changed = node.get("statusUpdatedAt") or node.get("updatedAt") or node["createdAt"]
    event_time = to_moment(changed, where=where)
    meta = node["meta"] if isinstance(node.get("meta"), dict) else {}
    reason = _text(meta.get("reason"))
    return {
        "source_system": SYSTEM,
        "deployment_id": node["id"],
        "attempt": 1,
        "status": status,
        "native_status": node["status"],
        "event_time": event_time,
        "started_at": started_at,
        "finished_at": event_time if status in _ENDED else None,
        "service": place.service,
        "service_id": place.service_id,
        "project": place.project,
        "repository": _text(meta.get("repo")),
        "branch": _text(meta.get("branch")),
        "commit_sha": _text(meta.get("commitHash")),
        "artifact_id": _text(meta.get("image")),
        "environment": place.environment,
        "environment_id": place.environment_id,
        "environment_tier": tiers.get(place.environment or ""),
        "model_id": mapping.target(place.labels).model_id,
        "url": _text(node.get("url")) or _text(node.get("staticUrl")),
        "is_rollback": None if reason is None else reason.casefold() == "rollback",
        "change_hint": reason,
    }


def find_served(
    api: RailwayApi, week: Period, *, names: Names, mapping: LabelMapping
) -> Served:
    """Return the services of a week that a rule of the mapping names.

    They are those that used any processor time, including deleted services. A service
    that no rule names belongs to no model and no pool, and is not requested.
    """
    places = {
        (place.service_id, place.environment_id): place
        for answer in api.usage(week, ("CPU_USAGE",))
        for place in [names.place(answer["tags"])]
        if place.service_id and place.environment_id
    }
    found = ((place, mapping.target(place.labels)) for place in places.values())
    named = sorted((pair for pair in found if any(pair[1])), key=repr)
    return Served(week, tuple(named))


def request_rows(
    api: RailwayApi, served: Served, *, step_seconds: int
) -> Iterator[dict[str, Any]]:
    """Yield requests per model, pool and day, as stream ``model_usage`` has them."""
    week = served.week
    summed: dict[tuple[datetime, Target], _Counts] = defaultdict(_Counts)
    for place, target in served.places:
        answer = api.requests(
            str(place.service_id), str(place.environment_id), week, step_seconds
        )
        for start, counts in _counts_by_window(answer, week).items():
            summed[start.replace(hour=0, minute=0, second=0), target].add(counts)
    for (day, target), counts in sorted(summed.items(), key=lambda item: repr(item[0])):
        yield {
            "period_start": day,
            "period_end": day + timedelta(days=1),
            "model_id": target.model_id,
            # A reading without a pool weighs in every pool, and a request that Railway
            # served has no bearing on pools that it is not mapped to.
            "pool_id": target.pool_id or "",
            "platform_id": SYSTEM,
            "requests": counts.all,
            "successful_requests": counts.successful,
        }


def latency_rows(
    api: RailwayApi, served: Served, *, step_seconds: int
) -> Iterator[dict[str, Any]]:
    """Yield the percentiles of each service and window, as Railway computed them."""
    week = served.week
    for place, target in served.places:
        answer = api.latency(
            str(place.service_id), str(place.environment_id), week, step_seconds
        )
        counts = _counts_by_window(answer, week)
        for sample in _by_time(answer["httpDurationMetrics"]["samples"]):
            start = _moment(sample["ts"])
            if week.contains(start):
                yield {
                    "period_start": start,
                    "period_end": start + timedelta(seconds=step_seconds),
                    "source_system": SYSTEM,
                    "model_id": target.model_id,
                    "pool_id": target.pool_id,
                    "platform_id": SYSTEM,
                    "service": place.service,
                    "service_id": place.service_id,
                    "project": place.project,
                    "environment": place.environment,
                    "environment_id": place.environment_id,
                    **_percentiles(sample),
                    **_requests(counts.get(start)),
                }


def _percentiles(sample: Mapping[str, Any]) -> dict[str, float | None]:
    return {f"latency_{name}_seconds": _seconds(sample[name]) for name in _PERCENTILES}


def _requests(counts: _Counts | None) -> dict[str, Decimal]:
    if counts is None:
        return {}
    return {"requests": counts.all, "successful_requests": counts.successful}


class _Counts:
    def __init__(self) -> None:
        self.all = Decimal(0)
        self.successful = Decimal(0)

    def count(self, value: Decimal, status_code: int) -> None:
        self.all += value
        if status_code in _SUCCESSFUL:
            self.successful += value

    def add(self, other: _Counts) -> None:
        self.all += other.all
        self.successful += other.successful


def _counts_by_window(
    answer: Mapping[str, Any], week: Period
) -> dict[datetime, _Counts]:
    counts: dict[datetime, _Counts] = defaultdict(_Counts)
    for group in answer["httpMetricsGroupedByStatus"]:
        for sample in group["samples"]:
            start = _moment(sample["ts"])
            # The window that starts where the week ends belongs to the next week.
            if week.contains(start):
                value = Decimal(str(sample["value"]))
                counts[start].count(value, int(group["statusCode"]))
    return counts


def _by_time(samples: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    by_time = {sample["ts"]: sample for sample in samples}
    return [by_time[ts] for ts in sorted(by_time)]


def _moment(unix_seconds: int) -> datetime:
    return datetime.fromtimestamp(int(unix_seconds), tz=UTC)


def _seconds(milliseconds: Decimal | float | None) -> float | None:
    if milliseconds is None:
        return None
    return float(Decimal(str(milliseconds)) / _MILLISECONDS)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None
