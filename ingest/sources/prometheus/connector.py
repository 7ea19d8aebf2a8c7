"""Prometheus: GPU hours and model usage, as meters that split a bill.

From a server each complete UTC day is a delivery. It is requested once it cannot grow
by ordinary scraping any more. For a few days after, a cheap query counts its samples:
where late samples came in, such as over remote write, the day is read again and
replaces its earlier load. From recordings all files together are a single delivery.

Any server with the same query API will do: Thanos, Mimir, VictoriaMetrics.

Source: Prometheus documentation, *HTTP API*.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from threading import Lock
from typing import TYPE_CHECKING, Any, ClassVar

from ingest.connector import (
    Delivery,
    Finding,
    Part,
    RowsPart,
    Source,
    Window,
)
from ingest.engine.remembered_loads import memo_of
from ingest.http.client import HttpClient
from ingest.sources.prometheus.api import DaySamples, PrometheusApi
from ingest.sources.prometheus.options import PrometheusConfig
from ingest.sources.prometheus.recordings import RecordedSamples, Recordings
from ingest.sources.prometheus.series import DAY_MS, MILLISECONDS
from ingest.sources.prometheus.usage import Span

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from ingest.sources.prometheus.accelerators import AcceleratorReading
    from ingest.sources.prometheus.selector import Selector
    from ingest.sources.prometheus.series import Series
    from ingest.sources.prometheus.usage import UsageReading

    Reading = AcceleratorReading | UsageReading

#: Changing how samples become rows makes every day new again.
_READING_VERSION = 2
#: Days that a server is asked for where no first day is named, and days that are read
#: where it has none of them whole: Prometheus keeps 15 by default.
_ASKED_BACK_DAYS, _LOOKED_BACK_DAYS = 400, 14
_SILENT = "no series; what it would say stays unknown, not zero"
#: Options that affect the time and manner of a query, not the meaning of the answer.
_NO_MEANING = {
    *("lag_days", "start_date", "points_per_query", "timeout_seconds"),
    *("credential_prefix", "expected_lag_hours"),
}


class Prometheus(Source[PrometheusConfig]):
    """Source of a server, or of a set of recordings."""

    type: ClassVar[str] = "prometheus"

    def __init__(self, config: PrometheusConfig, *, root: Path) -> None:
        super().__init__(config, root=root)
        self._recordings = Recordings(config.path or ".", root=root, source=config.name)
        self._readings: dict[str, Reading] = {}
        if accelerators := config.accelerator_reading():
            self._readings["accelerator_usage"] = accelerators
        if usage := config.usage_reading():
            self._readings["model_usage"] = usage
        self._known: dict[str, dict[str, Any]] = {}
        self._recorded: tuple[list[Series], list[str]] | None = None
        self._lock = Lock()

    def streams(self) -> Sequence[str]:
        """Return the streams that are configured."""
        return tuple(self._readings)

    def probe(self) -> Iterator[Finding]:
        """Look for series of every selector, or for recordings."""
        if self._config.path is not None:
            yield self._check_recordings()
            return
        with self._api() as api:
            for reading in self._readings.values():
                yield from self._check_series(api, reading)

    def _check_recordings(self) -> Finding:
        count = len(self._recordings.found())
        if count:
            return Finding(True, f"{count} recordings in {self._config.path}")
        return Finding(
            False,
            f"No recording in {self._config.path}.",
            "Put answers of the query API (.json) or OpenMetrics text (.om) there.",
        )

    def _check_series(self, api: PrometheusApi, reading: Reading) -> Iterator[Finding]:
        found = {}
        for selector in dict.fromkeys(reading.selectors()):
            if answered := api.now(f"count({selector})"):
                found[selector] = answered[0].points[-1][1]
        for selector, count in found.items():
            yield Finding(True, f"{selector}: {count} series now.")
        for silent in reading.silent(found):
            yield Finding(
                False,
                f"{silent}: no series now.",
                "Look whether its exporter is scraped, or correct the selector. What"
                " it would say stays unknown; it is not taken for zero.",
            )

    def remember(self, memos: Mapping[tuple[str, str], str]) -> None:
        """Accept the contents of loaded recordings, so as not to read them."""
        for (stream, _), memo in memos.items():
            if memo:
                self._known[stream] = json.loads(memo)

    def deliveries(self, window: Window) -> Iterator[Delivery]:
        """Offer each complete day, or all recordings."""
        if self._config.path is not None:
            yield from self._recorded_deliveries()
            return
        first = max(
            (d for d in (window.start, self._config.start_date) if d), default=None
        )
        if first is not None and not self._days(first, window):
            return
        with self._api() as api:
            days = self._days(first or self._first_day(api), window)
            for stream, reading in self._readings.items() if days else ():
                counts = self._sample_counts(api, reading, days)
                found = {one for one, by_day in counts.items() if any(by_day.values())}
                for silent in reading.silent(found) if counts else ():
                    yield _unread(stream, f"{self._config.name}: {silent}", _SILENT)
                for day in days:
                    yield self._day_delivery(stream, day, counts)

    def _first_day(self, api: PrometheusApi) -> date:
        """Return the first day that the server has whole: with samples at midnight."""
        today = _now().date()
        asked = _start(today - timedelta(days=_ASKED_BACK_DAYS))
        selectors = {
            selector
            for reading in self._readings.values()
            for selector in reading.selectors()
        }
        midnights = [
            moment
            for selector in sorted(selectors, key=str)
            for series in api.over_range(
                f"count({selector})",
                start_ms=asked,
                end_ms=_start(today),
                step_ms=DAY_MS,
            )
            for moment, _ in series.points
        ]
        if not midnights:
            return today - timedelta(days=_LOOKED_BACK_DAYS)
        return datetime.fromtimestamp(min(midnights) / MILLISECONDS, UTC).date()

    def _days(self, first: date, window: Window) -> list[date]:
        """Return the days to offer: complete, and with the time after that is read."""
        grown = timedelta(milliseconds=DAY_MS + self._config.longest_gap_ms)
        latest = (_now() - grown).date()
        if window.end is not None:
            latest = min(latest, window.end - timedelta(days=1))
        return [
            first + timedelta(days=number)
            for number in range((latest - first).days + 1)
        ]

    def _sample_counts(
        self, api: PrometheusApi, reading: Reading, days: Sequence[date]
    ) -> dict[Selector, dict[date, str]]:
        """Return how many samples each selector has of each day that may still grow."""
        since = _now().date() - timedelta(days=self._config.lag_days + 1)
        recent = [day for day in days if day >= since]
        if not recent:
            return {}
        gap = self._config.longest_gap_ms
        ends = {_start(day) + DAY_MS + gap: day for day in recent}
        sample_counts: dict[Selector, dict[date, str]] = {}
        for selector in dict.fromkeys(reading.selectors()):
            sample_counts[selector] = dict.fromkeys(recent, "")
            for series in api.over_range(
                f"sum(count_over_time({selector}[{DAY_MS + 2 * gap}ms]))",
                start_ms=min(ends),
                end_ms=max(ends),
                step_ms=DAY_MS,
            ):
                for moment, count in series.points:
                    sample_counts[selector][ends[moment]] = str(count or "")
        return sample_counts

    def _day_delivery(
        self, stream: str, day: date, counts: dict[Selector, dict[date, str]]
    ) -> Delivery:
        label = f"{self._config.name}: {stream} of {day}"
        grown = [by_day[day] for by_day in counts.values() if day in by_day]
        if grown and not any(grown):
            return _unread(stream, label, "no sample of any selector")
        return Delivery(
            stream=stream,
            scope=f"{day}",
            period=f"{day:%Y-%m}",
            fingerprint=self._fingerprint(stream, grown or ["final"]),
            label=label,
            detail=day,
        )

    def _recorded_deliveries(self) -> Iterator[Delivery]:
        content = self._recordings.fingerprint()
        first = self.streams()[0]
        for stream in self._readings:
            fingerprint = self._fingerprint(stream, [content])
            outline = self._outline(stream, fingerprint)
            for note in outline["notes"] if stream == first else ():
                label, _, reason = note.partition(": ")
                yield _unread(stream, label, reason)
            for silent in outline["silent"]:
                yield _unread(stream, f"{self._config.path}: {silent}", _SILENT)
            yield Delivery(
                stream=stream,
                scope="recordings",
                period="all",
                fingerprint=fingerprint,
                label=f"{self._config.path} ({stream})",
                memo=memo_of({**outline, "fingerprint": fingerprint}),
            )

    def _outline(self, stream: str, fingerprint: str) -> Mapping[str, Sequence[str]]:
        """Return the unread parts of recordings, and selectors without matches.

        From the load that was made of them, if they are still the same.
        """
        known = self._known.get(stream, {})
        if known.get("fingerprint") == fingerprint:
            return known
        series, notes = self._read_recordings()
        reading = self._readings[stream]
        found = {
            selector
            for selector in reading.selectors()
            if any(selector.selects(one.labels) for one in series)
        }
        return {"notes": notes, "silent": list(reading.silent(found))}

    def _read_recordings(self) -> tuple[list[Series], list[str]]:
        with self._lock:
            if self._recorded is None:
                self._recorded = self._recordings.series()
            return self._recorded

    def _fingerprint(self, stream: str, told: Sequence[str]) -> str:
        # A rule that changes changes every row, so it makes every day new.
        options = self._config.model_dump(mode="json", exclude=_NO_MEANING)
        text = json.dumps([_READING_VERSION, stream, options, *told], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:32]

    def read(self, delivery: Delivery, workdir: Path) -> Iterator[Part]:  # noqa: ARG002
        """Yield the rows of a single day, or of all recordings."""
        reading = self._readings[delivery.stream]
        if isinstance(delivery.detail, date):
            start = _start(delivery.detail)
            end = start + DAY_MS
            with self._api() as api:
                margin = self._config.longest_gap_ms
                samples = DaySamples(api, start_ms=start, end_ms=end, margin_ms=margin)
                batch = reading.rows(samples, Span(start, end))
        else:
            recorded = RecordedSamples(self._read_recordings()[0])
            batch = reading.rows(recorded, Span(None, None))
        yield RowsPart(iter([batch]), batch.schema, delivery.label)

    @contextmanager
    def _api(self) -> Iterator[PrometheusApi]:
        config = self._config
        headers, secrets = self._credentials()
        variable = config.credential_prefix
        if config.tenant is not None:
            headers["X-Scope-OrgID"] = config.tenant
        with HttpClient(
            base_url=config.base_url or "",
            source=config.name,
            headers=headers,
            secrets=secrets,
            denied_advice=f"Set the environment variable {variable}_TOKEN, or"
            f" {variable}_USERNAME and {variable}_PASSWORD, to a credential that may"
            " query.",
            timeout_seconds=config.timeout_seconds,
        ) as client:
            yield PrometheusApi(
                client, source=config.name, points_per_query=config.points_per_query
            )

    def _credentials(self) -> tuple[dict[str, str], tuple[str, ...]]:
        """Return headers and secrets; neither where the server asks for none."""
        prefix = self._config.credential_prefix
        token, user, password = (
            os.environ.get(f"{prefix}_{name}", "").strip()
            for name in ("TOKEN", "USERNAME", "PASSWORD")
        )
        if token:
            return {"Authorization": f"Bearer {token}"}, (token,)
        if not password:
            return {}, ()
        pair = base64.b64encode(f"{user}:{password}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}, (password, pair)


def _unread(stream: str, label: str, reason: str) -> Delivery:
    """Return a delivery not to be read, so that the run reports the reason."""
    return Delivery(stream, label, "all", "", label, skip_reason=reason)


def _now() -> datetime:
    return datetime.now(UTC)


def _start(day: date) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return int(midnight.timestamp()) * MILLISECONDS


__all__ = ["Prometheus", "PrometheusConfig"]
