"""PagerDuty: incidents, with the time that responders were engaged in them.

Incidents are requested by creation time, in pages by offset, and in addition those that
are still open, however old. Engaged time comes from the Analytics API, which is up to a
day late, so recent weeks are read again.

Source: PagerDuty REST API v2 (``GET /incidents``) and Analytics API
(``POST /analytics/raw/incidents``).
"""

from __future__ import annotations

import hashlib
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from ingest.connector import (
    Delivery,
    Finding,
    SourceConfig,
    Window,
)
from ingest.engine.incident_weeks import INCIDENTS, IncidentWeeks
from ingest.engine.state_rows import objects, part_of, text, unexpected
from ingest.http.client import HttpClient, secret_from_environment
from ingest.http.options import BaseUrl, RequestsPerSecond, TimeoutSeconds
from ingest.http.pages import follow_pages, numbered_pages
from ingest.source_kinds.polled import PolledSource
from ingest.sources.pagerduty.rows import TIME_ZONE, Effort, effort_of, incident_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

_INCIDENTS = "/incidents"
_ANALYTICS = "/analytics/raw/incidents"
_OPEN = ("triggered", "acknowledged")
_FIRST_READ_DAYS = 365
#: The API answers nothing beyond this offset, and no range of half a year or more.
_MAX_OFFSET = 10_000
_SLICE = timedelta(days=30)
_SHORTEST_SLICE = timedelta(minutes=10)
_READING_VERSION = 2


class PagerdutyConfig(SourceConfig):
    """Options of a ``pagerduty`` source."""

    base_url: BaseUrl = Field(
        default="https://api.pagerduty.com",
        description="Address of the API; https://api.eu.pagerduty.com in the EU.",
    )
    key_variable: str = Field(
        default="PAGERDUTY_API_KEY",
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable that holds a read-only API key.",
    )
    analytics: bool = Field(
        default=True, description="Also read how long responders were engaged."
    )
    service_ids: tuple[str, ...] = Field(
        default=(), description="Only incidents of these services; else of all."
    )
    team_ids: tuple[str, ...] = Field(
        default=(), description="Only incidents of these teams; else of all."
    )
    start_date: date | None = Field(
        default=None, description="First day ever asked for; else a year back."
    )
    reread_days: int = Field(
        default=30, ge=2, le=180, description="How far back is read again each time."
    )
    page_size: int = Field(default=100, ge=1, le=100, description="Incidents per page.")
    timeout_seconds: TimeoutSeconds = 60
    requests_per_second: RequestsPerSecond = None


class Pagerduty(PolledSource[PagerdutyConfig]):
    """Source of the incidents of a PagerDuty account."""

    type: ClassVar[str] = "pagerduty"

    def __init__(self, config: PagerdutyConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        reading = repr([_READING_VERSION, config.analytics, config.service_ids])
        reading += repr(config.team_ids)
        digest = hashlib.sha256(reading.encode()).hexdigest()[:16]
        self._weeks = IncidentWeeks(self._loads, digest)

    def streams(self) -> Sequence[str]:
        """Return the stream of incidents."""
        return (INCIDENTS,)

    def probe(self) -> Iterator[Finding]:
        """Probe the key, and both interfaces that are used."""
        now = self._now()
        with self._client() as client:
            page = self._page(client, self._created(now - _SLICE, now), 1)
            if self._config.analytics:
                self._analytics_page(client, now - _SLICE, now, None)
        count = len(page["incidents"])
        more = " or more" if page.get("more") else ""
        yield Finding(True, f"Of the last 30 days, {count}{more} incidents.")

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer each week of incidents that was read."""
        now, first = self._now(), self._config.start_date
        since = self._weeks.since(
            now,
            first=now - timedelta(days=_FIRST_READ_DAYS)
            if first is None
            else datetime.combine(first, time(tzinfo=UTC)),
            reread=timedelta(days=self._config.reread_days),
            window=window,
        )
        with self._client() as client:
            incidents = self._incidents(client, since, now)
            efforts = self._efforts(client, since, now)
        where = self._where
        rows = [
            incident_rows(incident, efforts.get(id_), where=where)
            for id_, incident in incidents.items()
        ]
        yield from self._weeks.offers(rows, now=now, label="PagerDuty incidents")

    def _origin(self, delivery: Delivery) -> str:
        return f"{self._config.base_url}{_INCIDENTS}#{delivery.scope}"

    def _incidents(
        self, client: HttpClient, since: datetime, now: datetime
    ) -> dict[str, dict[str, Any]]:
        """Return the incidents made since then, and those that are open, by id."""
        incidents: dict[str, dict[str, Any]] = {}
        questions = [{"statuses[]": list(_OPEN), "date_range": "all"}]
        start = since
        while start < now:
            end = min(start + _SLICE, now)
            questions.append(self._created(start, end))
            start = end
        while questions:
            question = questions.pop()
            for page in self._pages(client, question, questions):
                for incident in objects(
                    page["incidents"], "incidents", where=self._where
                ):
                    id_ = text(incident.get("id"))
                    if id_ is None:
                        raise unexpected("an incident has no id", where=self._where)
                    incidents[id_] = incident
        return incidents

    def _pages(
        self,
        client: HttpClient,
        question: dict[str, Any],
        questions: list[dict[str, Any]],
    ) -> Iterator[dict[str, Any]]:
        """Yield a question's pages; beyond the last offset, halves of it are asked."""
        size = self._config.page_size

        def is_last(page: dict[str, Any], number: int) -> bool:
            if not page["more"]:
                return True
            if (number + 1) * size <= _MAX_OFFSET:
                return False
            questions.extend(self._halves(question))
            return True

        yield from numbered_pages(
            lambda number: self._page(client, question, number),
            items=lambda page: page["incidents"],
            is_last=is_last,
            source=self._where,
        )

    def _halves(self, question: dict[str, Any]) -> list[dict[str, Any]]:
        if "since" not in question:
            raise unexpected(
                f"more than {_MAX_OFFSET} incidents are open", where=self._where
            )
        start = datetime.fromisoformat(question["since"])
        end = datetime.fromisoformat(question["until"])
        if end - start < _SHORTEST_SLICE:
            raise unexpected(
                f"{start:%Y-%m-%d %H:%M} has more than {_MAX_OFFSET} incidents",
                where=self._where,
            )
        middle = start + (end - start) / 2
        return [self._created(start, middle), self._created(middle, end)]

    def _created(self, start: datetime, end: datetime) -> dict[str, Any]:
        return {"since": start.isoformat(), "until": end.isoformat()}

    def _page(
        self, client: HttpClient, question: dict[str, Any], number: int
    ) -> dict[str, Any]:
        config = self._config
        params = {
            **question,
            "service_ids[]": list(config.service_ids),
            "team_ids[]": list(config.team_ids),
            "time_zone": "UTC",
            "sort_by": "created_at:asc",
            "limit": config.page_size,
            "offset": (number - 1) * config.page_size,
        }
        answer = client.get_json(_INCIDENTS, params=params)
        return self._checked(answer, "incidents")

    def _efforts(
        self, client: HttpClient, since: datetime, now: datetime
    ) -> dict[str, Effort]:
        efforts: dict[str, Effort] = {}
        if not self._config.analytics:
            return efforts
        for page in follow_pages(
            lambda cursor: self._analytics_page(client, since, now, cursor),
            lambda page: text(page.get("last")) if page.get("more") else None,
            source=self._where,
        ):
            for entry in objects(page["data"], "data", where=self._where):
                id_ = text(entry.get("id"))
                if id_ is not None:
                    efforts[id_] = effort_of(entry)
        return efforts

    def _analytics_page(
        self, client: HttpClient, since: datetime, now: datetime, cursor: str | None
    ) -> dict[str, Any]:
        filters: dict[str, Any] = {
            "created_at_start": since.isoformat(),
            "created_at_end": now.isoformat(),
        }
        if self._config.service_ids:
            filters["service_ids"] = list(self._config.service_ids)
        if self._config.team_ids:
            filters["team_ids"] = list(self._config.team_ids)
        body = {
            "filters": filters,
            "limit": min(1000, self._config.page_size * 10),
            "order": "asc",
            "order_by": "created_at",
            "time_zone": TIME_ZONE,
            **({} if cursor is None else {"starting_after": cursor}),
        }
        page = self._checked(client.post_json(_ANALYTICS, body=body), "data")
        if page.get("time_zone", TIME_ZONE) != TIME_ZONE:
            # Times of analytics carry no offset: of another zone they are others.
            raise unexpected("analytics answer in another zone", where=self._where)
        return page

    def _checked(self, answer: object, name: str) -> dict[str, Any]:
        if isinstance(answer, dict) and isinstance(answer.get("more"), bool):
            objects(part_of(answer, name), name, where=self._where)
            return answer
        raise unexpected(f"it has no {name}", where=self._where)

    def _client(self) -> HttpClient:
        config = self._config
        advice = (
            f"Let {config.key_variable} hold a read-only REST API key (Integrations >"
            " API Access Keys), or one of an app with the scopes incidents.read and"
            " analytics.read. A user's key needs 'team_ids' or 'service_ids' for"
            " analytics; 'analytics: false' does without."
        )
        key = secret_from_environment(
            config.key_variable, source=self._where, advice=advice
        )
        return HttpClient(
            base_url=config.base_url,
            source=self._where,
            headers={
                "Authorization": f"Token token={key}",
                "Accept": "application/vnd.pagerduty+json;version=2",
            },
            secrets=[key],
            denied_advice=advice,
            timeout_seconds=config.timeout_seconds,
            requests_per_second=config.requests_per_second,
        )
