"""Incidents, worklogs, heads, survey as CSV, each with an unreadable row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.sample_company.delivery.names import service_of
from ingest.sample_company.delivery.people import (
    HEADS,
    ITEM_SCALES,
    LEAVE_HOURS_PER_HEAD,
    WORKING_HOURS_PER_HEAD,
)
from ingest.sample_company.formats.tables import write_csv

if TYPE_CHECKING:
    from pathlib import Path

    from ingest.sample_company.delivery.events import Delivery

_INCIDENT_HEADER = (
    *("incident_id", "status", "event_time", "impact_started_at", "resolved_at"),
    *("service", "environment", "engaged_seconds", "engaged_people"),
)
_WORKLOG_HEADER = ("worklog_id", "work_date", "hours", "team_id", "category")
_HEADCOUNT_HEADER = (
    *("month", "team_id", "headcount", "working_hours_per_head", "leave_hours"),
)
_SURVEY_HEADER = (
    *("wave_id", "submitted_on", "group_id", "item_id", "scale_min", "scale_max"),
    *("value", "respondent_key", "invited_count"),
)


def write_incidents(path: Path, delivery: Delivery) -> int:
    """Write each incident as it was opened and as it was resolved; returns rows."""
    rows: list[list[object]] = []
    for incident in sorted(delivery.incidents, key=lambda each: each.started_at):
        people = (incident.resolved_at - incident.started_at).total_seconds()
        place = [service_of(incident.model), "production"]
        opened, ended = (
            f"{moment:%Y-%m-%dT%H:%M:%SZ}"
            for moment in (incident.started_at, incident.resolved_at)
        )
        engaged = [incident.engaged_seconds, round(incident.engaged_seconds / people)]
        rows.append([incident.id, "open", opened, opened, "", *place, "", ""])
        rows.append([incident.id, "resolved", ended, opened, ended, *place, *engaged])
    hostile = [rows[0][0], "forgotten", *rows[0][2:]]
    write_csv(path, _INCIDENT_HEADER, [*rows, hostile])
    return len(rows)


def write_worklogs(path: Path, delivery: Delivery) -> int:
    """Write the hours that teams booked; returns how many entries count."""
    rows = [
        [
            worklog.id,
            f"{worklog.started_at:%Y-%m-%d}",
            f"{worklog.hours:.2f}",
            worklog.team,
            worklog.category,
        ]
        for worklog in sorted(delivery.worklogs, key=lambda each: each.started_at)
    ]
    hostile = ["unknown", rows[0][1], "-4", *rows[0][3:]]
    write_csv(path, _WORKLOG_HEADER, [*rows, hostile])
    return len(rows)


def write_headcount(path: Path, delivery: Delivery) -> int:
    """Write the heads of each team and month; returns how many rows count."""
    rows = [
        [
            month.first_day,
            team,
            heads,
            WORKING_HOURS_PER_HEAD,
            heads * LEAVE_HOURS_PER_HEAD,
        ]
        for month in delivery.months
        for team, heads in HEADS.items()
    ]
    hostile = [rows[0][0], "", *rows[0][2:]]
    write_csv(path, _HEADCOUNT_HEADER, [*rows, hostile])
    return len(rows)


def write_survey(path: Path, delivery: Delivery) -> int:
    """Write answers and how many were asked; returns how many rows count."""
    submitted = {one.wave: one.submitted_at.date() for one in delivery.answers}
    rows: list[list[object]] = []
    for (wave, group), count in sorted(delivery.invited.items()):
        for item, (low, high) in ITEM_SCALES.items():
            asked = [wave, submitted[wave], group, item, low, high]
            rows.append([*asked, "", "", count])
    for one in delivery.answers:
        low, high = ITEM_SCALES[one.item]
        answer = [one.item, low, high, one.value, f"{one.group}-{one.respondent}"]
        rows.append([one.wave, submitted[one.wave], one.group, *answer, ""])
    hostile = [*rows[-1][:6], "99", "somebody", ""]
    write_csv(path, _SURVEY_HEADER, [*rows, hostile])
    return len(rows)
