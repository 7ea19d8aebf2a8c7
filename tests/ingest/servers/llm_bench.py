"""What the tests of both vendors share: a workspace whose clock stands still."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any, Protocol

import ingest.http.client
from ingest.connector import RowsPart, Window
from ingest.testing import ConnectorCase

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from ingest.engine.report import IngestReport
    from ingest.sources.llm_providers.llm_provider import LlmProvider
    from tests.ingest.servers.http_server import ScriptedServer

NOW = datetime(2026, 3, 15, 12, 0, tzinfo=UTC)
START = date(2026, 1, 20)
TODAY = NOW.date()
#: The shared suites ingest often: two months are enough for them.
CASE_START = date(2026, 2, 20)
_ticks = itertools.count()
_LAST_DECIMAL = Decimal(1).scaleb(-18)


class Served(Protocol):
    """A vendor's organisation that a server can answer for."""

    def install(self, server: ScriptedServer) -> None:
        """Answer the routes of the vendor."""


@dataclass
class Bench:
    """One source in a workspace, at a moment that a test decides."""

    server: ScriptedServer
    organisation: Served
    root: Path
    type: str
    monkeypatch: pytest.MonkeyPatch
    run_count: int = 0

    def open(self, key: str) -> None:
        """Serve the organisation to holders of the key, now, and retry at once."""
        self.organisation.install(self.server)
        self.monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)
        self.monkeypatch.setenv(f"{self.type.upper()}_ADMIN_KEY", key)
        self.at(NOW)

    def at(self, moment: datetime) -> None:
        """Let it be another time, from which a clock moves on as it is looked at."""
        self.monkeypatch.setattr(
            "ingest.sources.llm_providers.llm_provider._now",
            lambda: moment + next(_ticks) * timedelta(microseconds=1),
        )

    def case(self, **options: object) -> ConnectorCase:
        """Return the source as the shared suites want it, without expectations."""
        return ConnectorCase(
            connector_type=self.type,
            options={
                "base_url": self.server.url,
                "start_date": START,
                "timeout_seconds": 1.0,
                **options,
            },
            root=self.root,
            expected_rows=0,
            expected_money={},
            deliver_again=lambda: None,
            deliver_late=dict,
            deliver_hostile=int,
        )

    def ingest(self, window: Window | None = None, **options: object) -> IngestReport:
        """Ingest once, and let nothing fail."""
        case = self.case(**options)
        case.run_count = self.run_count
        self.run_count += 1
        connector: Any = case.connector()
        if window is not None:
            offer = connector.deliveries
            connector.deliveries = lambda _: offer(window)
        report = case.ingest(connector)
        assert report.failures == []
        return report

    def query(self, sql: str) -> list[tuple[object, ...]]:
        return self.case().query(sql)

    def rows(self, stream: str, **options: object) -> list[dict[str, Any]]:
        """Return what the connector hands over of a stream, every month."""
        connector: Any = self.case(**options).connector()
        return rows_of(connector, stream, self.root)

    def months_asked(self, path: str) -> list[str]:
        """Return the months of the first pages asked of a path so far."""
        asked = []
        for request in self.server.asked(path):
            start = request.one("start_time") or request.one("starting_at") or ""
            if request.one("page") is None and start.isdigit():
                asked.append(f"{datetime.fromtimestamp(int(start), UTC):%Y-%m}")
            elif request.one("page") is None:
                asked.append(start[:7])
        return sorted(asked)


def rows_of(
    connector: LlmProvider[Any], stream: str, root: Path
) -> list[dict[str, Any]]:
    """Return the rows of every delivery of a stream."""
    rows: list[dict[str, Any]] = []
    for delivery in connector.deliveries(Window()):
        if delivery.stream == stream:
            for part in connector.read(delivery, root):
                assert isinstance(part, RowsPart)
                for batch in part.batches:
                    rows += batch.to_pylist()
    return rows


def exact(amounts: list[Decimal]) -> Decimal:
    """Return a sum of amounts, each kept to eighteen decimals as evidence keeps it."""
    kept = (amount.quantize(_LAST_DECIMAL, ROUND_HALF_UP) for amount in amounts)
    return sum(kept, Decimal(0))


__all__ = ["CASE_START", "NOW", "START", "TODAY", "Bench", "exact", "rows_of"]
