"""The inbox: days of received events, and folders of dropped ones."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingest.connector import Window
from ingest.sources.events.inbox import Inbox, ReceivedEvent
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.receiver_process import BEARER, KEY, ReceiverProcess, deployed
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from decimal import Decimal

SAMPLES = Path(__file__).with_name("cdevents")
DEPLOYMENT = {
    "id": "d-1",
    "startedDate": "2026-03-01T10:00:00Z",
    "finishedDate": "2026-03-01T10:10:00Z",
    "deploymentCommits": [
        {"repoUrl": "https://git.example/acme/eta", "commitSha": "a" * 40},
        {
            "repoUrl": "https://git.example/acme/chat",
            "commitSha": "b" * 40,
            "result": "FAILURE",
        },
    ],
}
INCIDENT = {
    "issueKey": "I-1",
    "title": "never kept",
    "originalStatus": "Done",
    "status": "DONE",
    "type": "INCIDENT",
    "createdDate": "2026-03-01T11:00:00Z",
    "resolutionDate": "2026-03-01T12:30:00Z",
    "component": "checkout",
}


def drop(root: Path, name: str, *events: dict[str, Any]) -> None:
    path = root / "events" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    if name.endswith(".jsonl"):
        path.write_text("".join(json.dumps(one) + "\n" for one in events))
    else:
        [event] = events
        path.write_text(json.dumps(event))


def at(event_id: str, hour: int, **context: str) -> dict[str, Any]:
    return deployed(event_id, timestamp=f"2026-03-20T{hour:02}:00:00Z", **context)


@pytest.fixture
def case(tmp_path: Path) -> ConnectorCase:
    """Give a folder of two deployments, and a file of lines with one more."""
    drop(tmp_path, "one.json", at("e-1", 9))
    drop(tmp_path, "two.json", at("e-2", 10))
    drop(tmp_path, "lines/more.jsonl", at("e-3", 11))

    def deliver_again() -> None:
        drop(tmp_path, "one-again.json", at("e-1", 9))

    def deliver_late() -> dict[str, Decimal]:
        drop(tmp_path, "late.json", at("e-4", 8))
        return {}

    def deliver_hostile() -> int:
        nameless = at("e-5", 12)
        del nameless["subject"]["id"]
        lines = [at(f"e-{n}", 13) for n in range(6, 10)]
        drop(tmp_path, "hostile.jsonl", *lines, nameless, {"what": "is this"})
        with (tmp_path / "events" / "hostile.jsonl").open("a") as file:
            file.write('{"cut off\n')
        return 3

    return ConnectorCase(
        connector_type="event_inbox",
        options={"path": "events"},
        root=tmp_path,
        expected_rows=3,
        expected_money={},
        deliver_again=deliver_again,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=("never kept",),
    )


class TestEventInboxContract(ConnectorContract):
    """The shipped suite, over dropped files."""


@pytest.mark.full
class TestReceivedEventsContract(ConnectorContract):
    """The shipped suite, over what the receiver keeps."""

    @pytest.fixture
    def case(self, tmp_path: Path) -> ConnectorCase:
        keep(tmp_path, "2026-03-20", at("e-1", 9), at("e-2", 10))
        keep(tmp_path, "2026-03-21", at("e-3", 11))

        def deliver_late() -> dict[str, Decimal]:
            keep(tmp_path, "2026-03-21", at("e-4", 8))
            return {}

        def deliver_hostile() -> int:
            day = tmp_path / "inbox" / "2026-03-21"
            broken = f"{'0' * 32}.cdevents.service.deployed.0.3.0.json"
            (day / broken).write_text('{"format": "triptych.event/1", "kind": 3}')
            return 1

        return ConnectorCase(
            connector_type="event_inbox",
            options={},
            root=tmp_path,
            expected_rows=3,
            expected_money={},
            deliver_again=lambda: keep(tmp_path, "2026-03-20", at("e-1", 9)),
            deliver_late=deliver_late,
            deliver_hostile=deliver_hostile,
        )


def keep(root: Path, day: str, *events: dict[str, Any]) -> None:
    """Keep events of CDEvents as the receiver would, on a day."""
    from ingest.sources.events import cloudevents

    with Inbox(root / "inbox") as inbox:
        for event in events:
            moment = f"{day}T12:00:00.000000+00:00"
            inbox.keep(cloudevents.of_file(event, received_at=moment))


def test_why_an_event_cannot_count_stands_in_quarantine_with_file_and_line(
    case: ConnectorCase,
) -> None:
    case.deliver_hostile()
    case.ingest().raise_first_failure()
    contents = " ".join(
        str(row[0])
        for row in case.query("SELECT row_content FROM catalogue.quarantine")
    )
    assert "events/hostile.jsonl:5: subject.id is missing" in contents
    assert "events/hostile.jsonl:6: it is neither a CloudEvent" in contents
    assert "events/hostile.jsonl:7: it is no JSON" in contents


def test_a_result_or_environment_that_devlake_would_assume_stays_unknown(
    tmp_path: Path, case: ConnectorCase
) -> None:
    drop(tmp_path, "devlake.json", DEPLOYMENT)
    case.ingest().raise_first_failure()
    assert case.query(
        'select "repository", "status", "native_status", "environment",'
        ' "commit_sha"[1:1] from evidence.deployments'
        " where \"source_system\" = 'devlake' order by 1"
    ) == [
        ("acme/chat", "failure", "FAILURE", None, "b"),
        ("acme/eta", "unknown", None, None, "a"),
    ]


def test_only_issues_that_say_so_are_incidents_and_others_are_counted(
    tmp_path: Path, case: ConnectorCase
) -> None:
    bug = {**INCIDENT, "issueKey": "I-2", "type": "BUG"}
    untyped = {key: value for key, value in INCIDENT.items() if key != "type"}
    drop(tmp_path, "issues.jsonl", INCIDENT, bug, {**untyped, "issueKey": "I-3"})
    report = case.ingest()
    report.raise_first_failure()
    assert case.query(
        'select "incident_id", "status", "service", "starts_at_record",'
        ' "resolved_at" - "impact_started_at" from evidence.incidents'
    ) == [
        (
            "I-1",
            "resolved",
            "checkout",
            True,
            timedelta(minutes=90),
        )
    ]
    assert any("devlake.issues.other (2)" in note for note in report.notes)


def test_types_that_no_stream_takes_are_kept_counted_and_never_fatal(
    tmp_path: Path,
) -> None:
    keep(
        tmp_path,
        "2026-03-20",
        at("e-1", 9),
        at("u-1", 9, type="dev.cdevents.build.finished.0.3.0"),
        at("u-2", 9, type="dev.cdevents.build.finished.0.3.0"),
        at("u-3", 9, type="dev.cdevents.service.deployed.7.0.0"),
    )
    case = inbox_case(tmp_path, {})
    report = case.ingest()
    report.raise_first_failure()
    assert case.query("select count(*) from evidence.deployments") == [(1,)]
    told = "3 events are kept that no stream takes: cdevents.build.finished.0.3.0 (2)"
    assert any(told in note for note in report.notes)
    assert any(told in finding.message for finding in case.connector().check())


def test_a_day_of_hundreds_of_events_is_one_delivery_for_each_stream(
    tmp_path: Path,
) -> None:
    incident = json.loads((SAMPLES / "incident_detected.json").read_text())
    many = [at(f"e-{n}", 9, chainId=f"c-{n}") for n in range(300)]
    keep(tmp_path, "2026-03-20", *many, incident)
    case = inbox_case(tmp_path, {})
    report = case.ingest()
    report.raise_first_failure()
    assert [(load.stream, load.row_count) for load in report.committed] == [
        ("deployments", 300),
        ("incidents", 1),
    ]
    keep(tmp_path, "2026-03-21", at("next-day", 9))
    again = case.ingest()
    assert [load.row_count for load in again.committed] == [1]
    assert again.skipped_count == 2


def test_a_failed_run_is_joined_to_its_chain_over_midnight(tmp_path: Path) -> None:
    published = json.loads((SAMPLES / "artifact_published.json").read_text())
    failed = json.loads((SAMPLES / "pipelinerun_finished.json").read_text())
    failed["context"]["id"] = "run-1"
    keep(tmp_path, "2026-03-20", published)
    keep(tmp_path, "2026-03-21", failed)
    rules = [{"pipeline": "my*", "environment": "production"}]
    case = inbox_case(tmp_path, {"deployment_pipelines": rules})
    case.ingest().raise_first_failure()
    assert case.query(
        'select "status", "environment", "artifact_id" from evidence.deployments'
    ) == [
        (
            "failure",
            "production",
            "pkg:golang/mygit.com/myorg/myapp@234fd47e07d1004f0aed9c",
        )
    ]


def test_without_rules_a_day_of_failed_builds_offers_no_deployment(
    tmp_path: Path,
) -> None:
    failed = json.loads((SAMPLES / "pipelinerun_finished.json").read_text())
    keep(tmp_path, "2026-03-21", failed)
    case = inbox_case(tmp_path, {})
    report = case.ingest()
    assert (report.failures, report.committed, report.notes) == ([], [], [])


def test_another_rule_reads_the_same_events_anew(tmp_path: Path) -> None:
    failed = json.loads((SAMPLES / "pipelinerun_finished.json").read_text())
    keep(tmp_path, "2026-03-21", failed)
    for environment in ("staging", "production"):
        rules = [{"pipeline": "*", "environment": environment}]
        case = inbox_case(tmp_path, {"deployment_pipelines": rules})
        case.run_count = len(environment)
        case.ingest().raise_first_failure()
        found = case.query('select "environment" from evidence.deployments')
        assert found == [(environment,)]


def test_before_anything_was_received_a_run_succeeds_and_the_check_says_so(
    tmp_path: Path,
) -> None:
    case = inbox_case(tmp_path, {})
    assert case.ingest().failures == []
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert "triptych receive" in finding.next_step


def test_a_folder_of_nothing_but_bad_events_is_refused(tmp_path: Path) -> None:
    drop(tmp_path, "bad.json", {"nothing": "known"})
    case = inbox_case(tmp_path, {"path": "events"})
    with pytest.raises(
        MalformedDeliveryError, match=r"bad.json: it is neither a Cloud"
    ):
        case.ingest().raise_first_failure()


def test_a_dropped_promotion_needs_its_time(tmp_path: Path) -> None:
    notice = {"registered_model": "eta", "alias": "production", "model_version": 3}
    dated = {**notice, "event_time": "2026-03-01T10:00:00Z", "source_system": "wandb"}
    drop(tmp_path, "promotions.jsonl", dated, notice)
    drop(tmp_path, "a.json", at("e-1", 9))
    case = inbox_case(tmp_path, {"path": "events"})
    report = case.ingest()
    assert case.query(
        'select "source_system", "event", "registered_model", "model_version"'
        " from evidence.promotions"
    ) == [("wandb", "alias_set", "eta", "3")]
    report.raise_first_failure()
    [(content,)] = case.query("select row_content from catalogue.quarantine")
    assert "promotions.jsonl:2: event_time is missing" in str(content)


def test_what_was_posted_to_a_real_receiver_arrives_as_rows(tmp_path: Path) -> None:
    notice = {
        "registered_model": "eta",
        "alias": "production",
        "model_version": "v3",
        "source_system": "wandb",
    }
    with ReceiverProcess(tmp_path) as receiver:
        for path, body in (
            ("/events", deployed("posted-1")),
            ("/devlake/deployments", DEPLOYMENT),
            ("/devlake/issues", INCIDENT),
            ("/promotions", notice),
        ):
            assert receiver.post(path, body, BEARER)[0] == 202
    case = inbox_case(tmp_path, {})
    case.ingest().raise_first_failure()
    assert case.query(
        'select "source_system", count(*) from evidence.deployments'
        " group by 1 order by 1"
    ) == [("cdevents", 1), ("devlake", 2)]
    assert case.query('select "incident_id" from evidence.incidents') == [("I-1",)]
    [(alias, at_time, seen)] = case.query(
        'select "alias", "event_time", "observed_at" from evidence.promotions'
    )
    assert (alias, at_time) == ("production", seen)


def test_the_window_of_a_run_does_not_hide_events(case: ConnectorCase) -> None:
    offered = list(case.connector().deliveries(Window()))
    assert {(one.stream, one.scope) for one in offered} == {
        ("deployments", "."),
        ("deployments", "lines/more.jsonl"),
    }


def test_a_kind_of_event_from_a_later_version_is_counted(tmp_path: Path) -> None:
    with Inbox(tmp_path / "inbox") as inbox:
        moment = "2026-03-20T12:00:00.000000+00:00"
        inbox.keep(ReceivedEvent("sagemaker", "endpoint", "k", moment, {}))
    report = inbox_case(tmp_path, {}).ingest()
    assert report.failures == []
    assert any("sagemaker.endpoint (1)" in note for note in report.notes)


def inbox_case(root: Path, options: dict[str, Any]) -> ConnectorCase:
    return ConnectorCase(
        connector_type="event_inbox",
        options=options,
        root=root,
        expected_rows=0,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=dict,
        deliver_hostile=lambda: 0,
    )


def test_the_template_on_the_page_is_the_one_that_is_read(
    tmp_path: Path, repository: Path
) -> None:
    page = (repository / "docs" / "how_to" / "receive_events.md").read_text()
    template = page.partition("```json\n")[2].partition("```")[0]
    said = {
        "${artifact_collection_name}": "fraud-detector",
        "${artifact_version}": "wandb-artifact://_id/QXJ0aWZhY3Q6NTE3ODg5ODg3",
        "${alias}": "production",
    }
    for name, value in said.items():
        template = template.replace(name, value)
    with ReceiverProcess(tmp_path) as receiver:
        assert receiver.post("/promotions", template.encode(), BEARER)[0] == 202
    case = inbox_case(tmp_path, {})
    case.ingest().raise_first_failure()
    assert case.query(
        'select "source_system", "event", "registered_model", "model_version",'
        ' "alias" from evidence.promotions'
    ) == [
        (
            "wandb",
            "alias_set",
            "fraud-detector",
            said["${artifact_version}"],
            "production",
        )
    ]


def github_headers(event: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(KEY.encode(), body, hashlib.sha256).hexdigest()
    return {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
        "X-Hub-Signature-256": f"sha256={digest}",
    }


def test_github_deliveries_are_kept_without_people_and_become_deployments(
    tmp_path: Path, shared_data: Path
) -> None:
    samples = shared_data / "events" / "github"
    names = {
        "deployment": "webhook_deployment_payload.json",
        "deployment_status": "webhook_deployment_status_payload.json",
        "workflow_run": "webhook_workflow_run_completed.payload.json",
        "push": "webhook_push_payload.json",
    }
    bodies = {event: (samples / name).read_bytes() for event, name in names.items()}
    run = json.loads(bodies["workflow_run"])["workflow_run"]
    with ReceiverProcess(tmp_path) as receiver:
        for event, body in bodies.items():
            headers = github_headers(event, body)
            assert receiver.post("/github", body, headers)[0] == 202, event
            again = {**headers, "X-GitHub-Delivery": "another"}
            assert receiver.post("/github", body, again)[1]["status"] == (
                "accepted before"
            )
        ping = receiver.post("/github", b"{}", github_headers("ping", b"{}"))
        assert ping == (200, {"status": "reached"})
        # The name of the event is not signed, so another name changes nothing.
        body = bodies["deployment"] + b" "
        lied = github_headers("workflow_run", body)
        assert receiver.post("/github", body, lied)[0] == 400
        assert receiver.post("/github", body, BEARER)[0] == 401
        kept = "".join(path.read_text() for path in receiver.files())
    for person in ("Codertocat", '"sender"', "@users.noreply", '"login"'):
        assert kept.count(person) == kept.count(f"{person}/"), person
    case = inbox_case(tmp_path, {"workflows": {run["path"]: "production"}})
    report = case.ingest()
    report.raise_first_failure()
    assert case.query(
        'select "status", "environment" from evidence.deployments order by 1'
    ) == [("open", "production"), ("success", "production"), ("success", "production")]
    assert any("github.push (1)" in note for note in report.notes)
