"""PagerDuty: incidents and engaged time."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest

import ingest.sources.pagerduty.connector as module
from ingest.sources.pagerduty.rows import Effort, effort_of, incident_rows
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.loopback_pagerduty import (
    KEY,
    PERSON,
    LoopbackPagerduty,
    effort,
    incident,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour
from tests.ingest.suites.polling import DAY, Clock, set_clock
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from pathlib import Path

    from tests.ingest.servers.http_server import ScriptedServer

NOW = datetime(2026, 3, 25, 12, tzinfo=UTC)
STATES = (
    'select "incident_id", "status", strftime("event_time", \'%H:%M\'),'
    ' "resolved_at" is null'
    " from evidence.incidents order by 1, 3, 2"
)


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAGERDUTY_API_KEY", KEY)
    set_clock(monkeypatch, lambda: NOW)


@pytest.fixture
def pagerduty(server: ScriptedServer) -> LoopbackPagerduty:
    return LoopbackPagerduty(
        server,
        [
            incident(
                "P1",
                "2026-03-02T10:00:00Z",
                resolved_at="2026-03-02T11:00:00Z",
                last_status_change_at="2026-03-02T11:00:00Z",
            ),
            incident(
                "P2",
                "2026-03-03T10:00:00Z",
                "acknowledged",
                acknowledgements=[{"at": "2026-03-03T10:05:00Z"}],
                last_status_change_at="2026-03-03T10:05:00Z",
                priority={"summary": "P1"},
            ),
            incident("P3", "2026-03-09T10:00:00Z", "triggered"),
        ],
        [effort("P1", "2026-03-02T10:00:00", "2026-03-02T11:00:00")],
    )


@pytest.fixture
def case(pagerduty: LoopbackPagerduty, tmp_path: Path) -> ConnectorCase:
    def deliver_late() -> dict[str, Decimal]:
        pagerduty.incidents[2].update(
            status="resolved", last_status_change_at="2026-03-09T12:00:00Z"
        )
        return {}

    def deliver_hostile() -> int:
        pagerduty.incidents += [
            incident("P8", "2026-03-10T10:00:00+00:00", "resolved"),
            incident(
                "P9",
                "2026-03-10T11:00:00+00:00",
                "triggered",
                last_status_change_at="2026-03-10 11:00",
            ),
        ]
        return 1

    return ConnectorCase(
        connector_type="pagerduty",
        options={
            "base_url": pagerduty.server.url,
            "page_size": 2,
            "start_date": "2026-03-01",
            "timeout_seconds": 0.5,
        },
        root=tmp_path,
        # P1 opened and was resolved, P2 opened and was acknowledged, P3 opened.
        expected_rows=5,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(KEY, PERSON, "somebody@example.com"),
    )


class TestPagerdutyContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestPagerdutyMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves."""

    names_credential = "PAGERDUTY_API_KEY"

    @pytest.fixture
    def case(self, case: ConnectorCase) -> ConnectorCase:
        case.secrets = (KEY,)
        return case


def test_an_incident_is_its_opening_and_the_state_it_is_in(case: ConnectorCase) -> None:
    case.ingest().raise_first_failure()
    assert case.query(STATES) == [
        ("P1", "open", "10:00", True),
        ("P1", "resolved", "11:00", False),
        ("P2", "open", "10:00", True),
        ("P2", "acknowledged", "10:05", True),
        ("P3", "open", "10:00", True),
    ]
    assert case.query(
        'select distinct "starts_at_record", "impact_started_at" = "created_at",'
        ' "service", "service_id", "team_id" from evidence.incidents'
    ) == [(True, True, "checkout", "PSVC1", "PTEAM1")]
    assert case.query(
        'select distinct "incident_id", "severity", "engaged_seconds"::int,'
        ' "engaged_people"::int, strftime("acknowledged_at", \'%H:%M\')'
        " from evidence.incidents order by 1"
    ) == [
        ("P1", "high", 1800, 2, "10:01"),
        ("P2", "P1", None, None, "10:05"),
        ("P3", "high", None, None, None),
    ]


def test_an_incident_that_was_opened_again_keeps_the_states_it_was_seen_in(
    case: ConnectorCase, pagerduty: LoopbackPagerduty, monkeypatch: pytest.MonkeyPatch
) -> None:
    hours = iter(range(1, 9))
    set_clock(monkeypatch, lambda: NOW + timedelta(hours=next(hours)))
    case.ingest().raise_first_failure()
    pagerduty.incidents[0].update(
        status="triggered",
        resolved_at=None,
        last_status_change_at="2026-03-02T11:30:00Z",
    )
    case.ingest().raise_first_failure()
    pagerduty.incidents[0].update(
        status="resolved",
        resolved_at="2026-03-02T12:00:00Z",
        last_status_change_at="2026-03-02T12:00:00Z",
    )
    case.ingest().raise_first_failure()
    states = case.query(
        'select distinct strftime("event_time", \'%H:%M\'), "status"'
        " from evidence.incidents"
        " where \"incident_id\" = 'P1' order by 1"
    )
    assert states == [
        ("10:00", "open"),
        ("11:00", "resolved"),
        ("11:30", "open"),
        ("12:00", "resolved"),
    ]


def test_an_incident_that_was_merged_into_another_counts_nowhere(
    case: ConnectorCase, pagerduty: LoopbackPagerduty
) -> None:
    """PagerDuty resolves it; the one that it is a part of now goes on."""
    pagerduty.incidents[0]["resolve_reason"] = {
        "type": "merge_resolve_reason",
        "incident": {"id": "P2", "type": "incident_reference"},
    }
    pagerduty.incidents[1]["resolve_reason"] = None
    case.ingest().raise_first_failure()
    assert case.query(
        'select distinct "incident_id", "is_test" from evidence.incidents order by 1'
    ) == [("P1", True), ("P2", False), ("P3", False)]


def test_only_recent_weeks_and_what_is_open_are_asked_for_again(
    case: ConnectorCase, pagerduty: LoopbackPagerduty, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.ingest().raise_first_failure()
    pagerduty.server.requests.clear()
    later = NOW + timedelta(days=20)
    set_clock(monkeypatch, lambda: later)
    pagerduty.incidents[2].update(
        status="resolved", last_status_change_at="2026-04-01T12:00:00Z"
    )
    report = case.ingest()
    report.raise_first_failure()
    since = {str(one.one("since")) for one in pagerduty.server.asked("/incidents")}
    # From thirty days before the newest load on, which is of NOW.
    assert min(since - {"None"}) == (NOW - timedelta(days=24, hours=12)).isoformat()
    assert len(report.committed) == 1


def test_an_incident_that_stays_open_is_found_however_old_it_is(
    case: ConnectorCase, pagerduty: LoopbackPagerduty
) -> None:
    pagerduty.incidents.append(incident("P0", "2024-01-01T00:00:00Z", "acknowledged"))
    case.ingest().raise_first_failure()
    assert case.query(
        "select count(*) from evidence.incidents where \"incident_id\" = 'P0'"
    ) == [(2,)]


def test_more_incidents_than_offsets_reach_are_asked_for_in_halves(
    case: ConnectorCase,
    pagerduty: LoopbackPagerduty,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_MAX_OFFSET", 10)
    pagerduty.max_offset = 10
    pagerduty.incidents += [
        incident(f"M{n:02}", f"2026-03-{n:02}T00:00:00Z", "resolved")
        for n in range(1, 25)
    ]
    case.ingest().raise_first_failure()
    assert case.query(
        'select count(distinct "incident_id") from evidence.incidents'
    ) == [(27,)]


def test_times_of_another_zone_are_refused(
    case: ConnectorCase, pagerduty: LoopbackPagerduty
) -> None:
    pagerduty.zone = "America/New_York"
    with pytest.raises(MalformedDeliveryError, match="another zone"):
        case.ingest().raise_first_failure()


def test_other_options_read_everything_once_more_and_then_only_what_is_recent(
    case: ConnectorCase, pagerduty: LoopbackPagerduty, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.options["start_date"] = "2026-01-01"
    case.ingest().raise_first_failure()
    case.options["team_ids"] = ["PTEAM1"]
    firsts, clock = [], Clock(monkeypatch, NOW)
    for _ in range(2):
        clock.forward(DAY)
        pagerduty.server.requests.clear()
        case.ingest().raise_first_failure()
        asked = {str(one.one("since")) for one in pagerduty.server.asked("/incidents")}
        firsts.append(min(asked - {"None"})[:10])
    assert firsts == ["2026-01-01", "2026-02-24"]


def test_without_analytics_nothing_is_asked_of_them(
    case: ConnectorCase, pagerduty: LoopbackPagerduty
) -> None:
    case.options["analytics"] = False
    case.ingest().raise_first_failure()
    assert pagerduty.server.asked("/analytics/raw/incidents") == []
    assert case.query('select max("engaged_seconds") from evidence.incidents') == [
        (None,)
    ]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Effort(Decimal(1800), Decimal(2), Decimal(60))),
        # The vendor's own example ends before it begins.
        (
            {"resolved_at": "2026-03-02T09:00:00"},
            Effort(engaged_people=Decimal(2)),
        ),
        # Two people cannot be engaged for three hours in one.
        ({"engaged_seconds": 10_800}, Effort(None, Decimal(2), Decimal(60))),
        ({"engaged_seconds": -5}, Effort(None, Decimal(2), Decimal(60))),
        (
            {"resolved_at": None, "engaged_seconds": None},
            Effort(None, Decimal(2), Decimal(60)),
        ),
    ],
)
def test_engaged_time_that_contradicts_its_two_ends_is_unknown(
    fields: dict[str, Any], expected: Effort
) -> None:
    entry = effort("P1", "2026-03-02T10:00:00", "2026-03-02T11:00:00")
    entry.update(fields)
    assert effort_of(entry) == expected


def test_raw_payloads_without_a_time_of_resolution_keep_open_ones_open(
    shared_data: Path,
) -> None:
    path = shared_data / "events" / "devlake" / "pagerduty_raw_incidents.csv"
    before = csv.field_size_limit(10_000_000)
    with path.open(newline="") as file:
        payloads = [json.loads(line["data"]) for line in csv.DictReader(file)]
    csv.field_size_limit(before)
    assert not any(payload.get("resolved_at") for payload in payloads)
    rows = [incident_rows(payload, None, where="test") for payload in payloads]
    told = [
        (one[-1]["native_status"], one[-1]["event_time"], one[-1]["resolved_at"])
        for one in rows
    ]
    assert told == [
        ("triggered", "2022-11-03T07:02:36+00:00", None),
        ("acknowledged", "2022-11-03T06:44:37+00:00", None),
        ("resolved", "2022-11-03T06:51:44+00:00", "2022-11-03T06:51:44+00:00"),
    ]
    assert {row["status"] for one in rows for row in one} == {
        "open",
        "acknowledged",
        "resolved",
    }
    text = json.dumps(rows)
    for kept_by_nobody in ("person1", "Crash reported", "Slow startup"):
        assert kept_by_nobody not in text
