"""incident.io: incidents, with the time that people worked on them.

Incidents are asked for by when they were changed, in pages by cursor, with a day of
overlap; all of them when the way they are read has changed.

Source: incident.io API v2 (``GET /v2/incidents``, ``GET /v2/incident_timestamps``).
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field, field_validator

from ingest.connector import (
    Delivery,
    Finding,
    SourceConfig,
    Window,
)
from ingest.engine.state_rows import instant, objects, part_of, text, unexpected
from ingest.http.client import HttpClient, secret_from_environment
from ingest.http.options import BaseUrl, RequestsPerSecond, TimeoutSeconds
from ingest.http.pages import follow_pages
from ingest.source_kinds.polled import PolledSource
from ingest.sources.incident_io.rows import (
    CUSTOM_COLUMNS,
    IncidentReading,
    incident_rows,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

INCIDENTS = "incidents"
_INCIDENTS = "/v2/incidents"
_TIMESTAMPS = "/v2/incident_timestamps"
_OVERLAP = timedelta(days=1)
_READING_VERSION = 1


class IncidentIoConfig(SourceConfig):
    """Options of an ``incident_io`` source."""

    impact_start: str = Field(
        min_length=1,
        description="Name of the timestamp at which users begin to feel an incident.",
    )
    resolved: str = Field(
        default="Resolved at",
        min_length=1,
        description="Name of the timestamp at which they no longer do.",
    )
    custom_fields: dict[str, str] = Field(
        default_factory=dict,
        description="service, environment, team_id, model_id, feature_id → name of a"
        " custom field whose values are chosen from a list.",
    )
    base_url: BaseUrl = Field(
        default="https://api.incident.io", description="Address of the API."
    )
    key_variable: str = Field(
        default="INCIDENT_IO_API_KEY",
        pattern=r"^[A-Z][A-Z0-9_]*$",
        description="Environment variable that holds the API key.",
    )
    start_date: date | None = Field(
        default=None, description="Incidents changed before it are never asked for."
    )
    page_size: int = Field(default=250, ge=1, le=500, description="Incidents per page.")
    timeout_seconds: TimeoutSeconds = 60
    requests_per_second: RequestsPerSecond = None

    @field_validator("custom_fields")
    @classmethod
    def _fills_known_columns(cls, value: dict[str, str]) -> dict[str, str]:
        unknown = value.keys() - set(CUSTOM_COLUMNS)
        if unknown:
            known = ", ".join(CUSTOM_COLUMNS)
            raise ValueError(f"{min(unknown)!r} is none of {known}")
        return value


class IncidentIo(PolledSource[IncidentIoConfig]):
    """Source of the incidents of an incident.io organisation."""

    type: ClassVar[str] = "incident_io"

    def __init__(self, config: IncidentIoConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._reading = IncidentReading(
            config.impact_start, config.resolved, config.custom_fields
        )

    def streams(self) -> Sequence[str]:
        """Return the stream of incidents."""
        return (INCIDENTS,)

    def probe(self) -> Iterator[Finding]:
        """Probe the key, and whether the named timestamps exist."""
        with self._client() as client:
            answer = self._page(client, None, None, 1)
            listed = client.get_json(_TIMESTAMPS)
        stamps = part_of(listed, "incident_timestamps")
        names = {text(part_of(stamp, "name")) for stamp in stamps or ()}
        wanted = {
            "impact_start": self._config.impact_start,
            "resolved": self._config.resolved,
        }
        known = ", ".join(sorted(filter(None, names)))
        findings = [
            Finding(
                False,
                f"There is no timestamp {name!r}.",
                f"Correct {key!r}; there are: {known}.",
            )
            for key, name in wanted.items()
            if name not in names
        ]
        count = part_of(answer.get("pagination_meta"), "total_record_count")
        told = "Incidents can be read" if count is None else f"{count} incidents"
        yield from findings or [Finding(True, f"{told}; timestamps: {known}.")]

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer the incidents that were changed since the last time."""
        now = self._now()
        with self._client() as client:
            incidents = self._incidents(client, self._since(window))
        following = now - _OVERLAP
        rows, listed_again = [], []
        for incident in incidents.values():
            states = incident_rows(incident, self._reading, where=self._where)
            rows += states
            changed_at = instant(incident.get("updated_at"))
            if not isinstance(changed_at, datetime) or (
                changed_at.date() >= following.date()
            ):
                listed_again += states
        if rows:
            yield self._loads.offer(
                INCIDENTS,
                self._group,
                rows,
                now=now,
                label=f"incidents at {self._config.base_url}",
                notes={"since": following.isoformat()},
                next_rows=listed_again,
            )

    def _origin(self, delivery: Delivery) -> str:  # noqa: ARG002
        return f"{self._config.base_url}{_INCIDENTS}"

    def _since(self, window: Window) -> date | None:
        """Return the day from which on changes are asked for."""
        first = self._config.start_date
        seen = self._loads.latest(INCIDENTS, self._group)
        if seen is None:
            return first
        since = datetime.fromisoformat(seen.notes["since"]).date()
        if window.start is not None:
            since = min(since, window.start)
        return since if first is None else max(first, since)

    def _incidents(
        self, client: HttpClient, since: date | None
    ) -> dict[str, dict[str, Any]]:
        incidents: dict[str, dict[str, Any]] = {}
        size = self._config.page_size
        for page in follow_pages(
            lambda cursor: self._page(client, since, cursor, size),
            lambda page: text(part_of(page.get("pagination_meta"), "after")),
            source=self._where,
        ):
            for incident in objects(page[INCIDENTS], INCIDENTS, where=self._where):
                id_ = text(incident.get("id"))
                if id_ is None:
                    raise unexpected("an incident has no id", where=self._where)
                incidents[id_] = incident
        return incidents

    def _page(
        self, client: HttpClient, since: date | None, cursor: str | None, size: int
    ) -> dict[str, Any]:
        params = {
            "page_size": size,
            "after": cursor,
            "updated_at[gte]": None if since is None else since.isoformat(),
        }
        answer = client.get_json(_INCIDENTS, params=params)
        if not isinstance(answer, dict):
            raise unexpected("it is no object", where=self._where)
        objects(answer.get(INCIDENTS), INCIDENTS, where=self._where)
        return answer

    @property
    def _group(self) -> str:
        """Changes whenever the same answers would become other rows."""
        reading = repr([_READING_VERSION, self._reading])
        return f"incidents/{hashlib.sha256(reading.encode()).hexdigest()[:16]}"

    def _client(self) -> HttpClient:
        config = self._config
        advice = (
            f"Let {config.key_variable} hold an API key that may only view data"
            " (Settings > API keys: 'View data, like public incidents and organisation"
            " settings')."
        )
        key = secret_from_environment(
            config.key_variable, source=self._where, advice=advice
        )
        return HttpClient(
            base_url=config.base_url,
            source=self._where,
            headers={"Authorization": f"Bearer {key}"},
            secrets=[key],
            denied_advice=advice,
            timeout_seconds=config.timeout_seconds,
            requests_per_second=config.requests_per_second,
        )
