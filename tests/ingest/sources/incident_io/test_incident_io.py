"""incident.io: incidents, their timestamps and the work on them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.sources.incident_io.connector import IncidentIoConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, Request, ScriptedServer, paged
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour
from tests.ingest.suites.polling import set_clock

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal
    from pathlib import Path

NOW = datetime(2026, 3, 25, 12, tzinfo=UTC)
KEY = "inc-view-only-key-0001"
PERSON = "Planted Person"


def incident(
    id_: str,
    created_at: str,
    *,
    category: str = "live",
    stamps: dict[str, str] | None = None,
    **fields: Any,
) -> dict[str, Any]:
    """Return an incident as the API answers it, people and texts included."""
    names = ("Impact started at", "Resolved at")
    return {
        "id": id_,
        "reference": f"INC-{id_}",
        "name": f"{PERSON} cannot log in",
        "summary": "somebody@example.com wrote this",
        "mode": "standard",
        "created_at": created_at,
        "updated_at": created_at,
        "creator": {"user": {"name": PERSON, "email": "somebody@example.com"}},
        "incident_status": {"name": category.title(), "category": category},
        "severity": {"name": "Major", "rank": 2},
        "incident_timestamp_values": [
            {
                "incident_timestamp": {"id": name, "name": name, "rank": 1},
                "value": {"value": (stamps or {})[name]}
                if name in (stamps or {})
                else None,
            }
            for name in names
        ],
        "custom_field_entries": [
            {
                "custom_field": {"id": "F1", "name": "Affected service"},
                "values": [{"value_catalog_entry": {"id": "C1", "name": "checkout"}}],
            },
            {
                "custom_field": {"id": "F2", "name": "Environment"},
                "values": [{"value_option": {"id": "O1", "value": "production"}}],
            },
            {
                "custom_field": {"id": "F3", "name": "Notes"},
                "values": [{"value_text": f"typed by {PERSON}"}],
            },
        ],
        "workload_minutes_total": 90.5,
        **fields,
    }


class LoopbackIncidentIo:
    """Serves what ``incidents`` holds."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self.incidents: list[dict[str, Any]] = []
        self.timestamps = ["Reported at", "Impact started at", "Resolved at"]
        route = paged(
            self._pages,
            render=lambda items, token: {
                "incidents": items,
                "pagination_meta": {
                    "page_size": 2,
                    "total_record_count": len(self.incidents),
                    **({} if token is None else {"after": token}),
                },
            },
            token_of=lambda request: request.one("after"),
        )
        server.route("GET", "/v2/incidents", route)
        server.route("GET", "/v2/incident_timestamps", self._timestamps)

    def _timestamps(self, _: Request) -> Answer:
        return Answer({"incident_timestamps": [{"name": n} for n in self.timestamps]})

    def _pages(self, request: Request) -> Sequence[Sequence[dict[str, Any]]]:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        since = request.one("updated_at[gte]") or ""
        found = [one for one in self.incidents if one["updated_at"][:10] >= since]
        return [found[i : i + 2] for i in range(0, len(found), 2)]


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INCIDENT_IO_API_KEY", KEY)
    set_clock(monkeypatch, lambda: NOW)


@pytest.fixture
def api(server: ScriptedServer) -> LoopbackIncidentIo:
    api = LoopbackIncidentIo(server)
    api.incidents = [
        incident(
            "1",
            "2026-03-24T10:00:00Z",
            category="closed",
            stamps={
                "Impact started at": "2026-03-24T09:30:00Z",
                "Resolved at": "2026-03-24T11:00:00Z",
            },
            updated_at="2026-03-24T18:00:00Z",
        ),
        incident("2", "2026-03-25T10:00:00Z"),
        incident("3", "2026-03-20T10:00:00Z", mode="tutorial"),
    ]
    return api


@pytest.fixture
def case(api: LoopbackIncidentIo, tmp_path: Path) -> ConnectorCase:
    def deliver_late() -> dict[str, Decimal]:
        api.incidents.append(incident("4", "2026-03-25T11:00:00Z"))
        return {}

    def deliver_hostile() -> int:
        api.incidents += [
            incident("8", "2026-03-25T11:00:00Z"),
            incident("9", "2026-03-25T11:00:00"),
        ]
        return 1

    return ConnectorCase(
        connector_type="incident_io",
        options={
            "base_url": api.server.url,
            "impact_start": "Impact started at",
            "custom_fields": {
                "service": "Affected service",
                "environment": "Environment",
            },
            "page_size": 2,
            "timeout_seconds": 0.5,
        },
        root=tmp_path,
        # Each as it began, and the closed one as it ended.
        expected_rows=4,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(KEY, PERSON, "somebody@example.com"),
    )


class TestIncidentIoContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestIncidentIoMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves."""

    names_credential = "INCIDENT_IO_API_KEY"

    @pytest.fixture
    def case(self, case: ConnectorCase) -> ConnectorCase:
        case.secrets = (KEY,)
        return case


def told(case: ConnectorCase, id_: str, *columns: str) -> list[tuple[object, ...]]:
    shown = ", ".join(
        f"strftime(\"{one}\", '%d %H:%M')"
        if one.endswith(("_at", "_time"))
        else f'"{one}"'
        for one in columns
    )
    return case.query(
        f"select {shown} from evidence.incidents where \"incident_id\" = '{id_}'"
        ' order by "event_time"'
    )


def test_impact_begins_where_the_mapping_says_and_ends_likewise(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()
    assert told(
        case, "1", "status", "event_time", "impact_started_at", "resolved_at"
    ) == [
        ("open", "24 09:30", "24 09:30", None),
        ("resolved", "24 11:00", "24 09:30", "24 11:00"),
    ]
    assert (
        told(
            case,
            "1",
            "starts_at_record",
            "severity",
            "service",
            "environment",
            "team_id",
        )
        == [(False, "Major", "checkout", "production", None)] * 2
    )
    assert case.query(
        'select distinct "engaged_seconds"::int from evidence.incidents'
    ) == [(5430,)]


def test_without_that_timestamp_the_record_is_the_start_and_says_so(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()
    assert told(case, "2", "status", "impact_started_at", "starts_at_record") == [
        ("open", "25 10:00", True),
    ]


@pytest.mark.parametrize(
    ("fields", "is_test", "is_retrospective"),
    [
        ({"mode": "standard"}, False, False),
        ({"mode": "test"}, True, False),
        ({"mode": "tutorial"}, True, False),
        ({"mode": "retrospective"}, False, True),
        ({"category": "declined"}, True, False),
        ({"category": "merged"}, True, False),
    ],
)
def test_what_is_no_incident_counts_nowhere_and_what_is_told_late_does(
    case: ConnectorCase,
    api: LoopbackIncidentIo,
    fields: dict[str, Any],
    is_test: bool,
    is_retrospective: bool,
) -> None:
    api.incidents = [incident("1", "2026-03-24T10:00:00Z", **fields)]
    case.ingest().raise_first_failure()
    assert set(told(case, "1", "is_test", "is_retrospective")) == {
        (is_test, is_retrospective)
    }


def test_an_incident_that_is_told_afterwards_ends_resolved(
    case: ConnectorCase, api: LoopbackIncidentIo
) -> None:
    stamps = {
        "Impact started at": "2026-03-01T09:00:00Z",
        "Resolved at": "2026-03-01T10:00:00Z",
    }
    api.incidents = [
        incident(
            "1",
            "2026-03-24T10:00:00Z",
            category="closed",
            mode="retrospective",
            stamps=stamps,
        )
    ]
    case.ingest().raise_first_failure()
    assert [row[0] for row in told(case, "1", "status")] == ["open", "resolved"]


def test_a_text_that_somebody_typed_is_no_service(case: ConnectorCase) -> None:
    case.options["custom_fields"] = {"service": "Notes"}
    case.ingest().raise_first_failure()
    assert case.query('select distinct "service" from evidence.incidents') == [(None,)]


def test_only_what_was_changed_is_asked_for_again_and_states_stay(
    case: ConnectorCase, api: LoopbackIncidentIo, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.ingest().raise_first_failure()
    api.server.requests.clear()
    set_clock(monkeypatch, lambda: NOW + timedelta(hours=6))
    assert case.ingest().committed == []
    [again] = {one.one("updated_at[gte]") for one in api.server.asked("/v2/incidents")}
    assert again == "2026-03-24"

    stamps = {"Resolved at": "2026-03-25T19:00:00Z"}
    api.incidents[1] = incident(
        "2",
        "2026-03-25T10:00:00Z",
        category="learning",
        stamps=stamps,
        updated_at="2026-03-25T19:00:00Z",
    )
    set_clock(monkeypatch, lambda: NOW + timedelta(hours=8))
    case.ingest().raise_first_failure()
    assert case.query(
        'select distinct "status" from evidence.incidents'
        " where \"incident_id\" = '2' order by 1"
    ) == [("open",), ("resolved",)]


def test_another_mapping_reads_everything_anew(
    case: ConnectorCase, api: LoopbackIncidentIo, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.ingest().raise_first_failure()
    api.server.requests.clear()
    set_clock(monkeypatch, lambda: NOW + timedelta(hours=1))
    case.options["impact_start"] = "Reported at"
    case.ingest().raise_first_failure()
    assert {one.one("updated_at[gte]") for one in api.server.requests} == {None}


def test_the_check_names_a_timestamp_that_is_not_there(case: ConnectorCase) -> None:
    case.options["impact_start"] = "Impact start"
    [finding] = case.connector().check()
    assert finding.message == "There is no timestamp 'Impact start'."
    assert "Impact started at, Reported at, Resolved at" in finding.next_step


def test_which_timestamp_is_the_impact_has_to_be_said() -> None:
    with pytest.raises(ValidationError, match="impact_start"):
        IncidentIoConfig.model_validate({"name": "x", "type": "incident_io"})
    with pytest.raises(ValidationError, match="'summary' is none of service"):
        IncidentIoConfig(
            name="x",
            type="incident_io",
            impact_start="y",
            custom_fields={"summary": "z"},
        )
