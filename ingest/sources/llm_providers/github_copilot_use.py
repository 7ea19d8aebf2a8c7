"""GitHub Copilot: use by team and week, from reports of each person and day.

GitHub reports no team. Its report of users has what each person did on a day, its
report of teams who was in which; both are files behind signed links. People are joined,
counted by week and forgotten here. A file of team members goes first; without one a
person has a team where GitHub names exactly one, for else a sum would count twice.

Of fewer than five people only the week and the team are kept.

Source: pages *Team-level Copilot usage metrics* and *Data available in Copilot usage
metrics* (docs.github.com/copilot/reference), read on 3 December 2026. Reports begin on
10 October 2025. They leave out teams with fewer than five seats.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl, urlsplit

from ingest.http.addresses import is_safe_endpoint
from ingest.http.client import HttpClient
from ingest.http.refusals import NotThereError
from ingest.sources.llm_providers.llm_results import malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from datetime import date

    from ingest.reading.text_rows import Row

#: Fewer people than these are never counted.
LEAST_PEOPLE: Final = 5
#: Column of the stream → field of a person's day.
_FIELDS: Final = {
    "prompts": "user_initiated_interaction_count",
    "suggestions": "code_generation_activity_count",
    "acceptances": "code_acceptance_activity_count",
    "accepted_lines": "loc_added_sum",
}


def weeks(start: date, end: date) -> Iterator[date]:
    """Yield the Mondays of the weeks that have a day in a half-open range."""
    monday = start - timedelta(days=start.weekday())
    while monday < end:
        yield monday
        monday += timedelta(days=7)


@dataclass(slots=True)
class _TeamWeek:
    """People of a team who used it in a week, in memory only, and their counts."""

    people: set[str] = field(default_factory=set)
    counts: Counter[str] = field(default_factory=Counter)

    def columns(self) -> Row:
        """Return the counts as columns; none of too few people."""
        if len(self.people) < LEAST_PEOPLE:
            return {}
        counted = {name: str(self.counts[name]) for name in _FIELDS}
        return {"active_people": str(len(self.people)), **counted}


@dataclass(frozen=True, slots=True)
class UseReports:
    """Reports of an organisation.

    Parameters
    ----------
    client : HttpClient
        Client of the API.
    path : str
        Path of its reports.
    where : str
        Name of the source in messages.
    timeout_seconds : float
        Time to wait for a file.
    """

    client: HttpClient
    path: str
    where: str
    timeout_seconds: float

    def of_week(
        self, days: Iterable[date], team_of: Callable[[str, date], str | None]
    ) -> Iterator[tuple[str | None, Row]]:
        """Yield each team of a week with its counts; a day may have no report yet."""
        teams: dict[str | None, _TeamWeek] = defaultdict(_TeamWeek)
        read_days = 0
        for day in days:
            used = self._rows("users-1-day", day)
            if used is None:
                continue
            read_days += 1
            memberships = self._memberships(day)
            for row in used:
                person = self._text(row, "user_id")
                team = team_of(self._text(row, "user_login"), day)
                week = teams[team or memberships.get(person)]
                week.people.add(person)
                week.counts.update({n: self._count(row, f) for n, f in _FIELDS.items()})
        for team, week in sorted(teams.items(), key=lambda item: item[0] or ""):
            yield team, {"read_days": str(read_days), **week.columns()}

    def _memberships(self, day: date) -> Mapping[str, str]:
        """Return the team of each person who is in exactly one."""
        teams: dict[str, set[str]] = defaultdict(set)
        for row in self._rows("user-teams-1-day", day) or ():
            teams[self._text(row, "user_id")].add(self._text(row, "slug"))
        return {person: next(iter(t)) for person, t in teams.items() if len(t) == 1}

    def _rows(self, report: str, day: date) -> list[dict[str, Any]] | None:
        """Return the rows of a report; None where there is none of the day."""
        try:
            answer = self.client.get_json(
                f"{self.path}/{report}", params={"day": day.isoformat()}
            )
        except NotThereError:
            return None
        links = answer.get("download_links") if isinstance(answer, dict) else None
        if not isinstance(links, list):
            raise malformed("it has no list 'download_links'", self.where)
        return [row for link in links for row in self._downloaded(link)]

    def _downloaded(self, link: Any) -> Iterator[dict[str, Any]]:  # noqa: ANN401
        """Yield the rows of a file; no message has its link, which is a key to it."""
        if not isinstance(link, str) or not is_safe_endpoint(link):
            raise malformed("a download link is no https address", self.where)
        parts = urlsplit(link)
        with HttpClient(
            base_url=f"{parts.scheme}://{parts.netloc}",
            source=self.where,
            secrets=[value for _, value in parse_qsl(parts.query) if value],
            timeout_seconds=self.timeout_seconds,
        ) as client:
            body = client.get_bytes(parts.path, params=parse_qsl(parts.query))
        for line in body.splitlines():
            try:
                row = json.loads(line, parse_float=Decimal)
            except ValueError:
                row = None
            if not isinstance(row, dict):
                raise malformed("a line of a report is no object", self.where)
            yield row

    def _text(self, row: Mapping[str, Any], name: str) -> str:
        value = row.get(name)
        if value is None or isinstance(value, (dict, list)) or not str(value):
            raise malformed(f"a line of a report has no {name}", self.where)
        return str(value)

    def _count(self, row: Mapping[str, Any], name: str) -> int:
        value = row.get(name, 0)
        if not isinstance(value, int) or isinstance(value, bool) or value < 0:
            raise malformed(f"a line of a report has no count {name}", self.where)
        return value
