"""Jira: booked hours, their rules, and those that were deleted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.sources.jira.worklogs import JiraWorklogsConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import ScriptedServer, status
from tests.ingest.servers.loopback_jira import (
    BASIC,
    PERSON,
    TOKEN,
    USER,
    LoopbackJira,
    issue,
    worklog,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour
from tests.ingest.suites.polling import set_clock
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from decimal import Decimal
    from pathlib import Path

NOW = datetime(2026, 3, 25, 12, tzinfo=UTC)
MAPPING = [
    {"match": {"label": "incident"}, "category": "incident"},
    {"match": {"project": {"in": ["OPS", "INFRA"]}}, "category": "infra"},
    {"match": {"label": {"prefix": "team:"}}, "team": "${label}"},
    {"match": {"customfield_10050": "*"}, "team": "${customfield_10050}"},
    {"match": {"component": "eta"}, "model": "eta-v2"},
]


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


@pytest.fixture(autouse=True)
def _at_noon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JIRA_USER", USER)
    monkeypatch.setenv("JIRA_API_TOKEN", TOKEN)
    set_clock(monkeypatch, lambda: NOW)


@pytest.fixture
def jira(server: ScriptedServer) -> LoopbackJira:
    return LoopbackJira(
        server,
        worklogs=[
            worklog(1, "10", "2026-03-24T10:00:00.000+0000", 5400),
            worklog(2, "11", "2026-03-24T23:30:00.000+0100", 3600),
            worklog(3, "12", "2026-03-20T10:00:00.000+0000", 1200),
        ],
        updated=[
            (3, ms(NOW - timedelta(days=5))),
            (1, ms(NOW - timedelta(days=1))),
            (2, ms(NOW - timedelta(minutes=30))),
        ],
        issues=[
            issue("10", "OPS", labels=["team:platform"], summary=f"{PERSON}'s laptop"),
            issue("11", "WEB", labels=["incident"], customfield_10050={"value": "web"}),
            issue("12", "WEB", components=[{"name": "eta"}]),
        ],
    )


@pytest.fixture
def case(jira: LoopbackJira, tmp_path: Path) -> ConnectorCase:
    def deliver(worklog_id: int, seconds: object) -> None:
        started = "2026-03-25T11:00:00.000+0000"
        jira.worklogs.append(worklog(worklog_id, "10", started, seconds))
        jira.updated.append((worklog_id, ms(NOW - timedelta(minutes=20))))

    def deliver_late() -> dict[str, Decimal]:
        deliver(4, 60)
        return {}

    def deliver_hostile() -> int:
        deliver(7, 60)
        deliver(8, -60)
        deliver(9, "two hours")
        return 2

    return ConnectorCase(
        connector_type="jira_worklogs",
        options={
            "base_url": jira.server.url,
            "mapping": MAPPING,
            "timeout_seconds": 0.5,
        },
        root=tmp_path,
        expected_rows=3,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN, BASIC, PERSON, USER),
    )


class TestJiraWorklogsContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestJiraWorklogsMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves."""

    names_credential = "JIRA_API_TOKEN"

    @pytest.fixture
    def case(self, case: ConnectorCase) -> ConnectorCase:
        case.secrets = (TOKEN, BASIC)
        return case


def test_rules_name_team_and_category_by_project_label_and_field(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()
    assert case.query(
        'select "worklog_id", "hours"::double, "project", "category", "team_id",'
        ' "model_id", "started_at"::varchar from evidence.worklogs order by 1'
    ) == [
        ("1", 1.5, "OPS", "infra", "platform", None, "2026-03-24 10:00:00"),
        # Half past eleven in the evening, an hour ahead of UTC.
        ("2", 1.0, "WEB", "incident", "web", None, "2026-03-24 22:30:00"),
        ("3", pytest.approx(1 / 3), "WEB", None, None, "eta-v2", "2026-03-20 10:00:00"),
    ]


def test_a_run_begins_an_hour_before_the_last_because_a_minute_is_withheld(
    case: ConnectorCase, jira: LoopbackJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.ingest().raise_first_failure()
    jira.server.requests.clear()
    later = NOW + timedelta(hours=2)
    set_clock(monkeypatch, lambda: later)
    assert case.ingest().committed == []
    [asked] = jira.server.asked("/rest/api/3/worklog/updated")
    assert asked.one("since") == str(ms(NOW - timedelta(hours=1)))
    [deleted] = jira.server.asked("/rest/api/3/worklog/deleted")
    assert deleted.one("since") == str(ms(later - timedelta(days=60)))


def test_a_changed_worklog_is_loaded_again_and_a_deleted_one_taken_away(
    case: ConnectorCase, jira: LoopbackJira, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.ingest().raise_first_failure()
    set_clock(monkeypatch, lambda: NOW + timedelta(hours=2))
    changed_at = "2026-03-25T13:00:00.000+0000"
    jira.worklogs[0].update(timeSpentSeconds=7200, updated=changed_at)
    jira.updated.append((1, ms(NOW + timedelta(hours=1))))
    jira.deleted.append((3, ms(NOW + timedelta(hours=1))))
    case.ingest().raise_first_failure()
    # As the models take them: the newest of each, without those that are deleted.
    assert case.query(
        'select "worklog_id", "hours"::double from evidence.worklogs qualify'
        ' row_number() over (partition by "worklog_id" order by "updated_at" desc) = 1'
        ' and not "is_deleted" order by 1'
    ) == [("1", 2.0), ("2", 1.0)]


def test_entries_that_the_account_may_not_see_are_counted_by_the_check(
    case: ConnectorCase, jira: LoopbackJira
) -> None:
    jira.hidden.add("1")
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert finding.message == (
        "2 worklogs were changed in the last 7 days, and 1 more cannot be seen."
    )
    assert "Browse projects" in finding.next_step
    case.ingest().raise_first_failure()
    assert case.query("select count(*) from evidence.worklogs") == [(2,)]


def test_another_rule_reads_all_hours_anew(
    case: ConnectorCase, monkeypatch: pytest.MonkeyPatch
) -> None:
    case.ingest().raise_first_failure()
    set_clock(monkeypatch, lambda: NOW + timedelta(hours=2))
    case.options["mapping"] = [{"match": {"project": "*"}, "category": "${project}"}]
    case.ingest().raise_first_failure()
    assert case.query(
        'select distinct "category" from evidence.worklogs'
        " where \"observed_at\" > '2026-03-25 12:00' order by 1"
    ) == [("OPS",), ("WEB",)]


def test_a_person_in_a_field_names_no_team(
    case: ConnectorCase, jira: LoopbackJira
) -> None:
    person = {"accountId": "5b10", "name": PERSON, "displayName": PERSON}
    jira.issues[1]["fields"]["customfield_10050"] = person
    jira.issues[2]["fields"]["customfield_10050"] = f"typed by {PERSON}"
    case.ingest().raise_first_failure()
    assert case.query(
        'select distinct "team_id" from evidence.worklogs order by 1'
    ) == [("platform",), (None,)]


def test_a_page_without_a_successor_that_is_not_the_last_is_refused(
    case: ConnectorCase, jira: LoopbackJira
) -> None:
    jira.server.faults += [status(200, body={"values": [], "lastPage": False})]
    with pytest.raises(MalformedDeliveryError, match="names no next one"):
        case.ingest().raise_first_failure()


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"match": {"summary": "x"}, "team": "y"}, "known labels: project, label"),
        ({"match": {"label": "x"}}, "a rule needs one of"),
        ({"match": {"label": "x"}, "team": "${project}"}, "no label that the rule"),
    ],
)
def test_a_rule_that_means_nothing_is_refused(
    rule: dict[str, Any], complaint: str
) -> None:
    options = {"name": "x", "type": "jira_worklogs", "base_url": "https://a.example"}
    with pytest.raises(ValidationError, match=complaint):
        JiraWorklogsConfig.model_validate({**options, "mapping": [rule]})
