"""What tests of sources that poll a system share: the time, and what a run loaded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from ingest.source_kinds.polled import PolledSource

if TYPE_CHECKING:
    from collections.abc import Callable

    import pytest

    from ingest.testing import ConnectorCase

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


class Clock:
    """The time that sources read; tests put it forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, now: datetime = NOON) -> None:
        self.now = now
        set_clock(monkeypatch, lambda: self.now)

    def forward(self, by: timedelta) -> None:
        self.now += by


def set_clock(monkeypatch: pytest.MonkeyPatch, clock: Callable[[], datetime]) -> None:
    """Let every source that polls read its time there."""
    monkeypatch.setattr(PolledSource, "_now", staticmethod(clock))


def committed(case: ConnectorCase) -> list[tuple[str, int]]:
    """Ingest, and return the streams that were loaded with their numbers of rows."""
    report = case.ingest()
    report.raise_first_failure()
    return [(load.stream, load.row_count) for load in report.committed]


def at(moment: datetime) -> datetime:
    """Return a moment as the catalogue tells it: in UTC, and without saying so."""
    return moment.replace(tzinfo=None)
