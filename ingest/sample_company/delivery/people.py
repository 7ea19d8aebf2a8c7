"""Plan hours, heads and a survey: the effort of operation, and opinions.

The share of their hours that the platform's people spend on fires is planted per phase
and falls with the incidents. No survey was held in a single quarter.
"""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from ingest.sample_company.delivery.events import Answer, Delivery, Worklog
from ingest.sample_company.organisation import TEAMS

if TYPE_CHECKING:
    from datetime import date

    import numpy as np

    from ingest.sample_company.delivery.events import Category
    from ingest.sample_company.timeline import Month, Phase, Timeline

HEADS: Final = {
    "ml-platform": 9,
    "fleet-ai": 7,
    "network-ai": 8,
    "care-ai": 6,
    "finance-automation": 4,
}
WORKING_HOURS_PER_HEAD: Final = 140
LEAVE_HOURS_PER_HEAD: Final = 12
#: Part of the platform's hours that goes into firefighting.
FIREFIGHTING: Final[dict[Phase, float]] = {
    "managed_kubernetes": 0.60,
    "migration": 0.45,
    "hybrid": 0.15,
}
#: Part of the other teams' hours that goes into running their systems.
_INFRA: Final[dict[Phase, float]] = {
    "managed_kubernetes": 0.25,
    "migration": 0.30,
    "hybrid": 0.10,
}
#: Part of the platform's hours that goes into moving to the hybrid.
INTEGRATION: Final[dict[Phase, float]] = {
    "managed_kubernetes": 0.0,
    "migration": 0.22,
    "hybrid": 0.0,
}
ITEM_SCALES: Final = {"satisfaction": (1, 5), "recommend": (0, 10)}
_MOOD: Final[dict[Phase, float]] = {
    "managed_kubernetes": 0.45,
    "migration": 0.40,
    "hybrid": 0.75,
}
_MONTHS_OF_QUARTER: Final = 3
_SKIPPED_WAVE: Final = 1
_ENTRY_HOURS: Final = 4.0


def available_hours(team: str) -> int:
    """Return the hours of a team in a month, less its leave."""
    return HEADS[team] * (WORKING_HOURS_PER_HEAD - LEAVE_HOURS_PER_HEAD)


def plan_people(
    delivery: Delivery, timeline: Timeline, rng: np.random.Generator
) -> None:
    """Add worklogs and answers to the plan."""
    for month in timeline.months:
        for team in TEAMS:
            delivery.worklogs += _worklogs(month, team.id, rng)
    ends = [month for month in timeline.months if _ends_a_quarter(month)]
    for number, month in enumerate(ends):
        if number != _SKIPPED_WAVE:
            _survey(delivery, month, rng)


def _ends_a_quarter(month: Month) -> bool:
    return month.first_day.month % _MONTHS_OF_QUARTER == 0


def _worklogs(month: Month, team: str, rng: np.random.Generator) -> list[Worklog]:
    hours = available_hours(team)
    is_platform = team == "ml-platform"
    fires = FIREFIGHTING[month.phase] * hours if is_platform else 0.0
    infra = (0.3 if is_platform else _INFRA[month.phase]) * hours
    return [
        *_entries(month, team, "incident", fires, rng),
        *_entries(month, team, "infra", infra, rng),
        *(_integration(month, team) if is_platform else ()),
    ]


def integration_hours(month: Month) -> float:
    """Return the hours that the platform's people book on the move in a month."""
    return round(INTEGRATION[month.phase] * available_hours("ml-platform") * 4) / 4


def _integration(month: Month, team: str) -> list[Worklog]:
    """Spread the hours of the move over the days, with no chance in it."""
    total = integration_hours(month)
    count = int(-(-total // _ENTRY_HOURS))
    return [
        Worklog(
            id=f"{team}-integration-{month.label}-{position}",
            team=team,
            started_at=_at(
                month.first_day + timedelta(days=position * month.day_count // count), 9
            ),
            hours=min(_ENTRY_HOURS, total - position * _ENTRY_HOURS),
            category="integration",
        )
        for position in range(count)
    ]


def _entries(
    month: Month, team: str, category: Category, total: float, rng: np.random.Generator
) -> list[Worklog]:
    """Divide hours into entries of four, the last with the rest."""
    entries: list[Worklog] = []
    left = round(total * 4) / 4
    while left > 0:
        hours = min(left, _ENTRY_HOURS)
        day = month.first_day + timedelta(days=int(rng.integers(0, month.day_count)))
        entries.append(
            Worklog(
                id=f"{team}-{category}-{month.label}-{len(entries)}",
                team=team,
                started_at=_at(day, 9),
                hours=hours,
                category=category,
            )
        )
        left -= hours
    return entries


def _survey(delivery: Delivery, month: Month, rng: np.random.Generator) -> None:
    """Ask everybody; some do not answer."""
    wave = f"{month.first_day:%Y}-Q{(month.first_day.month - 1) // 3 + 1}"
    submitted = _at(month.end - timedelta(days=3), 12)
    mood = _MOOD[month.phase]
    for team in TEAMS:
        heads = HEADS[team.id]
        delivery.invited[wave, team.id] = heads
        for person in range(heads):
            if rng.random() < 0.15:  # noqa: PLR2004  (some never answer)
                continue
            for item, (low, high) in ITEM_SCALES.items():
                level = float(rng.normal(mood, 0.2))
                value = round(low + (high - low) * min(max(level, 0.0), 1.0))
                delivery.answers.append(
                    Answer(wave, submitted, team.id, item, person, value)
                )


def _at(day: date, hour: int) -> datetime:
    return datetime.combine(day, time(hour), UTC)
