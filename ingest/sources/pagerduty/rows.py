"""Convert a PagerDuty incident into states that it was seen in.

The API keeps no impact: an incident starts when its record was made, and the row marks
that. Older payloads have no ``resolved_at``; the last change of state is when a
resolved incident was resolved, and means nothing for any other. An incident that was
merged into another is resolved by that, and counts nowhere, like a test. Titles and
people have no column.

Source: PagerDuty REST API v2, *List incidents*; Analytics API, *Raw data, multiple
incidents*.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ingest.engine.state_rows import instant, part_of, row_of, text, unexpected

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ingest.reading.text_rows import Row

SOURCE_SYSTEM = "pagerduty"
_STATUSES = {
    "triggered": "open",
    "acknowledged": "acknowledged",
    "resolved": "resolved",
}
#: Resolution reason of an incident that goes on as a part of another.
_MERGED = "merge_resolve_reason"
#: The name of UTC that the Analytics API takes and repeats.
TIME_ZONE = "Etc/UTC"


@dataclass(frozen=True, slots=True)
class Effort:
    """Effort of an incident, from analytics; seconds, and people."""

    engaged_seconds: Decimal | None = None
    engaged_people: Decimal | None = None
    seconds_to_first_ack: Decimal | None = None


def incident_rows(
    incident: Mapping[str, Any], effort: Effort | None, *, where: str
) -> list[Row]:
    """Return the states of an incident: its opening, and its current state.

    Raises
    ------
    MalformedDeliveryError
        It has no id.
    """
    if text(incident.get("id")) is None:
        raise unexpected("an incident has no id", where=where)
    created_at = instant(incident.get("created_at"))
    native = text(incident.get("status"))
    status = _STATUSES.get(native or "", "unknown")
    opening = {
        **_facts(incident, effort or Effort(), created_at),
        "status": "open",
        "native_status": "triggered",
        "event_time": created_at,
    }
    changed_at = instant(incident.get("last_status_change_at"))
    resolved_at = None
    if status == "resolved":
        resolved_at = instant(incident.get("resolved_at")) or changed_at
    current = {
        **opening,
        "status": status,
        "native_status": native,
        "event_time": resolved_at or changed_at or created_at,
        "resolved_at": resolved_at,
    }
    is_news = (current["status"], current["event_time"]) != ("open", created_at)
    return [row_of(one) for one in ([opening, current] if is_news else [opening])]


def effort_of(entry: Mapping[str, Any]) -> Effort:
    """Return an incident's effort from analytics, less contradictions.

    An incident that ended before it began, as in an example of the vendor's own, has no
    durations. Engaged time is at most the whole incident for each of those who were
    engaged.
    """
    engaged = _count(entry.get("engaged_seconds"))
    people = _count(entry.get("engaged_user_count"))
    lasted = _seconds_between(entry.get("created_at"), entry.get("resolved_at"))
    if lasted is not None and lasted < 0:
        return Effort(engaged_people=people)
    if engaged is not None and people is not None and lasted is not None:
        engaged = engaged if engaged <= people * lasted else None
    return Effort(engaged, people, _count(entry.get("seconds_to_first_ack")))


def _facts(
    incident: Mapping[str, Any], effort: Effort, created_at: datetime | str | None
) -> dict[str, object]:
    service, teams = incident.get("service"), incident.get("teams")
    team = teams[0] if isinstance(teams, list) and len(teams) == 1 else None
    return {
        "source_system": SOURCE_SYSTEM,
        "incident_id": text(incident.get("id")),
        "created_at": created_at,
        "impact_started_at": created_at,
        "starts_at_record": True,
        "is_test": text(part_of(incident.get("resolve_reason"), "type")) == _MERGED,
        "acknowledged_at": _acknowledged_at(incident, effort, created_at),
        "severity": text(part_of(incident.get("priority"), "summary"))
        or text(incident.get("urgency")),
        "service": text(part_of(service, "summary")),
        "service_id": text(part_of(service, "id")),
        "team_id": text(part_of(team, "id")),
        "engaged_seconds": effort.engaged_seconds,
        "engaged_people": effort.engaged_people,
    }


def _acknowledged_at(
    incident: Mapping[str, Any], effort: Effort, created_at: datetime | str | None
) -> datetime | None:
    if effort.seconds_to_first_ack is not None and isinstance(created_at, datetime):
        return created_at + timedelta(seconds=float(effort.seconds_to_first_ack))
    given = incident.get("acknowledgements")
    moments = [
        instant(part_of(one, "at"))
        for one in (given if isinstance(given, list) else ())
    ]
    return min(
        (moment for moment in moments if isinstance(moment, datetime)), default=None
    )


def _count(value: object) -> Decimal | None:
    if value is None or isinstance(value, bool):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and number >= 0 else None


def _seconds_between(start: object, end: object) -> Decimal | None:
    """Return the seconds between two times of the same unstated zone."""
    try:
        first, last = (
            datetime.fromisoformat(str(one)).replace(tzinfo=None)
            for one in (start, end)
        )
    except ValueError:
        return None
    return Decimal(str((last - first).total_seconds()))
