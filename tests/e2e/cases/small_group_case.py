"""Teams of four, five and nine people whose every figure has digits of its own.

A figure of a team is found by its digits: no sum or difference of others has them by
chance. Each team has a model, a feature, two platforms and a migration between them.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any, Final

from tests.e2e.cases.delivery_case import deployment, write_csv

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TEAMS: Final = {"four": 4, "five": 5, "nine": 9}
MONTHS: Final = tuple(f"2025-{number:02}" for number in range(1, 13))
_BOOKED: Final = ("infra", "incident", "integration", "build")
_RATE: Final = 80
_WORKING: Final = 160
_DEPLOYMENTS: Final = 3
_SETTINGS: Final = f"""\
organisation: Example
currency: EUR
delivery: {{loaded_hourly_rates: [{{amount: {_RATE}}}]}}
sources:
  - {{name: bills, type: focus_files, path: bills}}
"""
_RULES: Final = """\
assignments:
  - {name: tag, match: {tags: {model: "*"}}, model: "${tags.model}"}
"""
_CHARGE: Final = (
    "BilledCost,EffectiveCost,BillingCurrency,BillingPeriodStart,ChargePeriodStart,"
    "ChargePeriodEnd,ChargeCategory,ServiceName,Tags\n"
)


def _digits(*key: object) -> float:
    """Return hours between 10 and 50, equal for equal keys, with six decimals."""
    return round(random.Random(repr(key)).uniform(10, 50), 6)


def hours(team: str, month: str, category: str) -> float:
    """Return what a team booked in a month."""
    return _digits(team, month, category)


def secrets(team: str) -> dict[str, list[float]]:
    """Return the figures of a team that its hours, answers and leave make, by kind."""
    by = {
        kind: [_digits(team, month, kind) for month in MONTHS]
        for kind in (*_BOOKED, "engaged", "leave")
    }
    available = [TEAMS[team] * _WORKING - leave for leave in by["leave"]]
    answers = _answers(team)
    moved = by["integration"][6:]
    return {
        "infra hours": by["infra"],
        "infra hours of windows": [
            sum(by["infra"][first:last])
            for last in range(1, 13)
            for first in (0, max(0, last - 3))
        ],
        "infra hours per deployment": [
            sum(by["infra"][max(0, last - 3) : last]) / min(3, last) / _DEPLOYMENTS
            for last in range(1, 13)
        ],
        "incident hours": by["incident"],
        "feature hours": by["build"],
        "engaged hours": by["engaged"],
        "engaged seconds": [each * 3600 for each in by["engaged"]],
        "incident cost": [each * _RATE for each in by["engaged"]],
        "available hours": available,
        "firefighting": [
            part / whole
            for kind in ("incident", "engaged")
            for part, whole in zip(by[kind], available, strict=True)
        ],
        "integration hours": [sum(moved)],
        # Money of hours is made of four decimals of each.
        "integration cost": [sum(round(each, 4) for each in moved) * _RATE],
        "answers": [sum(answers) / len(answers)],
    }


def write_small_groups(root: Path) -> None:
    """Write the workspace."""
    (root / "bills").mkdir(parents=True)
    rows = {
        "worklogs": list(_worklogs()),
        "headcount": list(_headcount()),
        "incidents": list(_incidents()),
        "deployments": list(_deployments()),
        "survey_responses": list(_survey()),
    }
    text = _SETTINGS
    for stream, content in rows.items():
        write_csv(root / f"{stream}.csv", content)
        name = stream.replace("_", "-")
        text += f"  - {{name: {name}, type: tables, stream: {stream}, "
        text += f"path: {stream}.csv}}\n"
    (root / "triptych.yml").write_text(text, encoding="utf-8")
    (root / "allocation.yml").write_text(_RULES, encoding="utf-8")
    (root / "catalog.yml").write_text(_catalog(), encoding="utf-8")
    lines = [_charge(team, month) for team in TEAMS for month in MONTHS]
    (root / "bills" / "bill.csv").write_text(_CHARGE + "".join(lines), encoding="utf-8")


def _catalog() -> str:
    parts: dict[str, list[str]] = {
        name: []
        for name in (
            *("teams", "features", "models", "identities"),
            *("platforms", "placements", "migrations"),
        )
    }
    for team in TEAMS:
        old, new = f"{team}-old", f"{team}-new"
        parts["teams"].append(f"{{id: {team}}}")
        parts["features"].append(f"{{id: f-{team}, team: {team}}}")
        parts["models"].append(f"{{id: m-{team}, feature: f-{team}, team: {team}}}")
        parts["identities"].append(f"{{service: s-{team}, model: m-{team}}}")
        parts["platforms"] += [
            f"{{id: {each}, name: {each}, kind: other, team: {team},"
            f" match: {{tags: {{cluster: {each}}}}}}}"
            for each in (old, new)
        ]
        parts["placements"] += [
            f"{{model: m-{team}, platform: {old}, valid_to: 2025-07-01}}",
            f"{{model: m-{team}, platform: {new}, valid_from: 2025-07-01}}",
        ]
        parts["migrations"].append(
            f"{{id: move-{team}, name: Move of {team}, from_platforms: [{old}],"
            f" to_platforms: [{new}], models: [m-{team}],"
            " migration_from: 2025-07-01, migration_to: 2025-09-01}"
        )
    return "".join(
        f"{name}:\n" + "".join(f"  - {entry}\n" for entry in entries)
        for name, entries in parts.items()
    )


def _charge(team: str, month: str) -> str:
    cluster = f"{team}-{'old' if month < '2025-07' else 'new'}"
    tags = f'"{{""model"": ""m-{team}"", ""cluster"": ""{cluster}""}}"'
    return (
        f"100.00,100.00,EUR,{month}-01,{month}-02T00:00:00Z,{month}-03T00:00:00Z,Usage,"
        f"Nodes,{tags}\n"
    )


def _worklogs() -> Iterator[dict[str, Any]]:
    for team in TEAMS:
        for month in MONTHS:
            for category in _BOOKED:
                yield {
                    "source_system": "sheet",
                    "worklog_id": f"{team}-{month}-{category}",
                    "work_date": f"{month}-10",
                    "hours": hours(team, month, category),
                    "team_id": team,
                    "category": category,
                    "feature_id": f"f-{team}" if category == "build" else "",
                    "platform_id": f"{team}-new" if category == "integration" else "",
                }


def _headcount() -> Iterator[dict[str, Any]]:
    for team, people in TEAMS.items():
        for month in MONTHS:
            yield {
                "month": f"{month}-01",
                "team_id": team,
                "headcount": people,
                "working_hours_per_head": _WORKING,
                "leave_hours": _digits(team, month, "leave"),
            }


def _incidents() -> Iterator[dict[str, Any]]:
    for team in TEAMS:
        for month in MONTHS:
            yield {
                "source_system": "pager",
                "incident_id": f"{team}-{month}",
                "status": "resolved",
                "event_time": f"{month}-12T12:00:00Z",
                "impact_started_at": f"{month}-12T10:00:00Z",
                "service": f"s-{team}",
                "engaged_seconds": _digits(team, month, "engaged") * 3600,
                "engaged_people": 2,
            }


def _deployments() -> Iterator[dict[str, Any]]:
    for team in TEAMS:
        for month in MONTHS:
            for day in range(1, _DEPLOYMENTS + 1):
                at = f"{month}-{4 + day:02}T10:00:00Z"
                yield deployment(f"s-{team}", f"{month}-{day}", at, f"{month}{day}")


def _answers(team: str) -> list[float]:
    """Return answers on a scale of 0 to 100, one of each person."""
    return [_digits(team, person, "answer") for person in range(TEAMS[team])]


def _survey() -> Iterator[dict[str, Any]]:
    for team in TEAMS:
        for person, value in enumerate(_answers(team)):
            yield {
                "wave_id": "spring",
                "submitted_on": "2025-03-10T00:00:00Z",
                "group_id": team,
                "item_id": "recommend",
                "scale_min": 0,
                "scale_max": 100,
                "value": value,
                "respondent_hash": f"{team}-{person}",
            }
