"""Convert an incident of incident.io into states that it was seen in.

The timestamp that starts the impact is each organisation's own choice, so a mapping has
to name it. Names, summaries and people have no column; custom fields count only where a
mapping names them, and only values chosen from a list, never typed text.

Source: incident.io API v2, *Incidents*.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Any

from ingest.engine.state_rows import instant, part_of, row_of, text, unexpected

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ingest.reading.text_rows import Row

SOURCE_SYSTEM = "incident_io"
#: Columns that a custom field may fill.
CUSTOM_COLUMNS = ("service", "environment", "team_id", "model_id", "feature_id")
_STATUSES = {
    "triage": "open",
    "live": "open",
    "paused": "open",
    "learning": "resolved",
    "closed": "resolved",
}
#: Turned out not to be separate incidents: they count nowhere, like a test.
_NO_INCIDENTS = frozenset({"declined", "merged", "canceled", "cancelled"})
_TEST_MODES = frozenset({"test", "tutorial"})
_RETROSPECTIVE = "retrospective"
_SECONDS_PER_MINUTE = 60


@dataclass(frozen=True, slots=True)
class IncidentReading:
    """Settings for an organisation's use of incident.io.

    Parameters
    ----------
    impact_start : str
        Name of the timestamp at which users begin to feel an incident.
    resolved : str
        Name of the timestamp at which they no longer do.
    custom_fields : mapping of str to str
        Column of :data:`CUSTOM_COLUMNS` → name of a custom field.
    """

    impact_start: str
    resolved: str
    custom_fields: Mapping[str, str] = field(default_factory=dict)


def incident_rows(
    incident: Mapping[str, Any], reading: IncidentReading, *, where: str
) -> list[Row]:
    """Return the states of an incident: its opening, and its current state.

    Raises
    ------
    MalformedDeliveryError
        It has no id.
    """
    if text(incident.get("id")) is None:
        raise unexpected("an incident has no id", where=where)
    state = incident.get("incident_status")
    category = (text(part_of(state, "category")) or "").lower()
    facts = _facts(incident, reading, category)
    status = _STATUSES.get(category, "unknown")
    resolved_at = None
    if status == "resolved":
        resolved_at = _timestamp(incident, reading.resolved)
    opening = {
        **facts,
        "status": "open",
        "native_status": "created",
        # An incident that is reported afterwards began before its record was made.
        "event_time": _earlier(facts["impact_started_at"], facts["created_at"]),
    }
    current = {
        **facts,
        "status": status,
        "native_status": text(part_of(state, "name")),
        "event_time": resolved_at or instant(incident.get("updated_at")),
        "resolved_at": resolved_at,
    }
    named = ("status", "event_time")
    is_news = any(current[name] != opening[name] for name in named)
    return [row_of(one) for one in ([opening, current] if is_news else [opening])]


def _facts(
    incident: Mapping[str, Any], reading: IncidentReading, category: str
) -> dict[str, object]:
    mode = (text(incident.get("mode")) or "").lower()
    created_at = instant(incident.get("created_at"))
    impact = _timestamp(incident, reading.impact_start)
    return {
        "source_system": SOURCE_SYSTEM,
        "incident_id": text(incident.get("id")),
        "created_at": created_at,
        "impact_started_at": impact or created_at,
        "starts_at_record": impact is None,
        "severity": text(part_of(incident.get("severity"), "name")),
        "is_test": mode in _TEST_MODES or category in _NO_INCIDENTS,
        "is_retrospective": mode == _RETROSPECTIVE,
        "engaged_seconds": _seconds(incident.get("workload_minutes_total")),
        **{
            column: _chosen(incident, name)
            for column, name in reading.custom_fields.items()
        },
    }


def _timestamps(incident: Mapping[str, Any]) -> Iterator[tuple[str, object]]:
    values = incident.get("incident_timestamp_values")
    for one in values if isinstance(values, list) else ():
        name = text(part_of(part_of(one, "incident_timestamp"), "name"))
        if name is not None:
            yield name, part_of(part_of(one, "value"), "value")


def _timestamp(incident: Mapping[str, Any], wanted: str) -> datetime | str | None:
    found = (value for name, value in _timestamps(incident) if name == wanted)
    return instant(next(found, None))


def _chosen(incident: Mapping[str, Any], wanted: str) -> str | None:
    """Return the choice in a custom field, if it is a single value."""
    entries = incident.get("custom_field_entries")
    chosen = []
    for entry in entries if isinstance(entries, list) else ():
        if text(part_of(part_of(entry, "custom_field"), "name")) != wanted:
            continue
        values = part_of(entry, "values")
        for value in values if isinstance(values, list) else ():
            option = part_of(part_of(value, "value_option"), "value")
            entry_name = part_of(part_of(value, "value_catalog_entry"), "name")
            chosen.append(text(option) or text(entry_name))
    return chosen[0] if len(chosen) == 1 else None


def _earlier(first: object, second: object) -> object:
    moments = [one for one in (first, second) if isinstance(one, datetime)]
    return min(moments) if len(moments) == len((first, second)) else second


def _seconds(minutes: object) -> Decimal | None:
    try:
        number = Decimal(str(minutes))
    except InvalidOperation:
        return None
    return number * _SECONDS_PER_MINUTE if number.is_finite() and number >= 0 else None
