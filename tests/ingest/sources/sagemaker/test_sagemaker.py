"""SageMaker: with the real boto3 client on loopback, and events from files."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

import ingest.http.client
from ingest.connector import Connector, RemembersLoads
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.loopback_s3 import (
    ENVIRONMENT,
    MISSING_REASON,
    is_available,
    set_environment,
)
from tests.ingest.servers.loopback_sagemaker import (
    REGION,
    LoopbackSagemaker,
    endpoint,
    package,
    package_arn,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour
from tests.ingest.suites.polling import HOUR, NOON, at

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ingest.servers.http_server import ScriptedServer


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    set_environment(monkeypatch)
    monkeypatch.setattr(ingest.http.client, "FIRST_WAIT_SECONDS", 0.01)


@pytest.fixture
def sagemaker() -> Iterator[LoopbackSagemaker]:
    """Three endpoints, of which one serves a registered version; three versions."""
    sagemaker = LoopbackSagemaker(
        packages={
            "eta": [package("eta", number, NOON - 9 * HOUR) for number in (1, 2)],
            "zeta": [package("zeta", 1, NOON - 8 * HOUR)],
        },
        endpoints=[
            endpoint("eta-prod", "eta-2", "InService", NOON - HOUR),
            endpoint("zeta-prod", "zeta-1", "Updating", NOON - 2 * HOUR),
            endpoint("other", "other-1", "Failed", NOON - 3 * HOUR),
        ],
        configurations={
            "eta-2": ["eta-model"],
            "zeta-1": ["zeta-a", "zeta-b"],
            "other-1": ["other"],
        },
        models={
            "eta-model": package_arn("eta", 2),
            "zeta-a": package_arn("zeta", 1),
            "zeta-b": package_arn("zeta", 2),
            "other": None,
        },
    )
    with sagemaker:
        yield sagemaker


@pytest.fixture
def case(sagemaker: LoopbackSagemaker, tmp_path: Path) -> ConnectorCase:
    return case_of(sagemaker, tmp_path)


def case_of(
    sagemaker: LoopbackSagemaker, root: Path, **options: object
) -> ConnectorCase:
    def deliver_late() -> dict[str, Any]:
        sagemaker.endpoints[1].update(
            EndpointStatus="InService", LastModifiedTime=NOON.timestamp()
        )
        return {}

    def deliver_hostile() -> int:
        sagemaker.configurations["x"] = []
        for name in ("a", "b"):
            old = endpoint(name, "x", "InService", datetime(1999, 1, 1, tzinfo=UTC))
            sagemaker.endpoints.append(old)
        return 2

    return ConnectorCase(
        connector_type="sagemaker",
        options={
            "endpoint_url": sagemaker.server.url,
            "region": REGION,
            "timeout_seconds": 1,
            "environments": [{"endpoint": "*-prod", "environment": "production"}],
            **options,
        },
        root=root,
        expected_rows=3,
        expected_money={},
        deliver_again=sagemaker.endpoints.reverse,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=tuple(
            ENVIRONMENT[name] for name in ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")
        ),
    )


class TestSagemakerContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestSagemakerMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves, the data does not."""

    @pytest.fixture
    def server(self, sagemaker: LoopbackSagemaker) -> ScriptedServer:
        return sagemaker.server


def committed(case: ConnectorCase) -> dict[str, int]:
    report = case.ingest()
    report.raise_first_failure()
    return {load.stream: load.row_count for load in report.committed}


def test_the_connector_follows_both_protocols(case: ConnectorCase) -> None:
    assert isinstance(case.connector(), Connector)
    assert isinstance(case.connector(), RemembersLoads)
    assert case.connector().streams() == ("deployments", "model_versions")


def test_an_endpoint_with_a_configuration_is_a_deployment_of_what_it_serves(
    case: ConnectorCase,
) -> None:
    """Two versions behind one endpoint are no version that could be told."""
    case.ingest().raise_first_failure()

    moments = [at(NOON - hours * HOUR) for hours in (1, 3, 2)]
    assert case.query(
        "select service, artifact_id, status, native_status, event_time, finished_at,"
        " environment, registered_model, model_version"
        " from evidence.deployments order by service"
    ) == [
        (
            *("eta-prod", "eta-2", "success", "InService", moments[0], moments[0]),
            *("production", "eta", "2"),
        ),
        (
            *("other", "other-1", "failure", "Failed", moments[1], moments[1]),
            *(None, None, None),
        ),
        (
            *("zeta-prod", "zeta-1", "open", "Updating", moments[2], None),
            *("production", None, None),
        ),
    ]


def test_packages_are_versions_and_what_is_new_is_loaded(
    sagemaker: LoopbackSagemaker, case: ConnectorCase
) -> None:
    assert committed(case) == {"model_versions": 3, "deployments": 3}
    assert committed(case) == {}
    assert case.query(
        "select registered_model, model_version, created_at, status"
        " from evidence.model_versions order by 1, 2"
    ) == [
        ("eta", "1", at(NOON - 9 * HOUR), "Completed"),
        ("eta", "2", at(NOON - 9 * HOUR), "Completed"),
        ("zeta", "1", at(NOON - 8 * HOUR), "Completed"),
    ]
    sagemaker.packages["zeta"].append(package("zeta", 2, NOON))
    assert committed(case) == {"model_versions": 4}


def test_what_was_deleted_leaves_the_version_unknown_and_all_else_told(
    sagemaker: LoopbackSagemaker, case: ConnectorCase
) -> None:
    """An endpoint goes on serving a model that is deleted, or its configuration.

    With a model of version 1 of zeta there is one of an unknown version.
    """
    sagemaker.configurations["eta-2"].append("deleted-model")
    del sagemaker.models["zeta-b"]
    del sagemaker.configurations["other-1"]
    assert committed(case) == {"model_versions": 3, "deployments": 3}
    assert case.query(
        "select service, status, model_version from evidence.deployments order by 1"
    ) == [
        ("eta-prod", "success", None),
        ("other", "failure", None),
        ("zeta-prod", "open", None),
    ]
    assert all(finding.is_ok for finding in case.connector().check())


def test_an_endpoint_that_is_deleted_meanwhile_is_none(
    sagemaker: LoopbackSagemaker, case: ConnectorCase
) -> None:
    sagemaker.deleted.add("other")
    assert committed(case) == {"model_versions": 3, "deployments": 2}


def test_a_configuration_is_asked_for_once(
    sagemaker: LoopbackSagemaker, case: ConnectorCase
) -> None:
    sagemaker.endpoints[1]["EndpointConfigName"] = "eta-2"
    case.ingest().raise_first_failure()
    names = [
        one["EndpointConfigName"] for one in sagemaker.asked("DescribeEndpointConfig")
    ]
    assert sorted(names) == ["eta-2", "other-1"]


@pytest.mark.parametrize(
    "operation",
    [
        "ListModelPackageGroups",
        "ListModelPackages",
        "ListEndpoints",
        "DescribeEndpoint",
        "DescribeEndpointConfig",
        "DescribeModel",
    ],
)
def test_the_permission_that_is_missing_is_named(
    sagemaker: LoopbackSagemaker, case: ConnectorCase, operation: str
) -> None:
    sagemaker.denied.add(operation)
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert f"sagemaker:{operation}" in finding.next_step


@pytest.mark.skipif(not is_available(), reason=MISSING_REASON)
def test_what_a_server_of_its_own_kind_answers_is_read(
    endpoint: str, tmp_path: Path
) -> None:
    """Of moto, whose answers boto3's own client made and reads."""
    import boto3

    role = "arn:aws:iam::000123456789:role/serving"
    make: Any = boto3.client
    client = make("sagemaker", endpoint_url=endpoint, region_name=REGION)
    client.create_model_package_group(ModelPackageGroupName="eta")
    arns = [
        client.create_model_package(ModelPackageGroupName="eta")["ModelPackageArn"]
        for _ in range(2)
    ]
    client.create_model(
        ModelName="eta-model",
        ExecutionRoleArn=role,
        PrimaryContainer={"ModelPackageName": arns[1]},
    )
    variant: dict[str, Any] = {"VariantName": "all", "ModelName": "eta-model"}
    variant |= {"InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    client.create_endpoint_config(
        EndpointConfigName="eta-2", ProductionVariants=[variant]
    )
    client.create_endpoint(EndpointName="eta-prod", EndpointConfigName="eta-2")
    case = case_of(LoopbackSagemaker(), tmp_path, endpoint_url=endpoint)
    case.options["timeout_seconds"] = 30
    assert committed(case) == {"model_versions": 2, "deployments": 1}
    assert committed(case) == {}
    assert all(one.is_ok for one in case.connector().check())

    assert case.query(
        "select service, artifact_id, status, environment, registered_model,"
        " model_version from evidence.deployments"
    ) == [("eta-prod", "eta-2", "success", "production", "eta", "2")]
    versions = case.query("select model_version from evidence.model_versions")
    assert sorted(str(row[0]) for row in versions) == ["1", "2"]


# --- events --------------------------------------------------------------------------


def event(kind: str, sent: datetime, **detail: Any) -> dict[str, Any]:
    """Return an event in the envelope of EventBridge."""
    return {
        "version": "0",
        "id": f"id-{sent:%H%M%S}",
        "detail-type": kind,
        "source": "aws.sagemaker",
        "account": "000123456789",
        "time": f"{sent:%Y-%m-%dT%H:%M:%SZ}",
        "region": REGION,
        "resources": [],
        "detail": detail,
    }


def endpoint_event(status: str, changed: datetime, *, sent: datetime) -> dict[str, Any]:
    """Return an event of an endpoint, whose times are in milliseconds."""
    return event(
        "SageMaker Endpoint State Change",
        sent,
        EndpointName="eta-prod",
        EndpointArn="arn:eta-prod",
        EndpointConfigName="eta-2",
        EndpointStatus=status,
        CreationTime=1583831889050,
        LastModifiedTime=round(changed.timestamp() * 1000),
        Tags={"environment": "production", "owner": "somebody"},
    )


def package_event(approval: str | None, sent: datetime) -> dict[str, Any]:
    """Return an event of a package; it tells no time of its change."""
    told = {"ModelApprovalStatus": approval} if approval else {}
    return event(
        "SageMaker Model Package State Change",
        sent,
        ModelPackageGroupName="eta",
        ModelPackageVersion=2,
        ModelPackageArn=package_arn("eta", 2),
        CreationTime="2026-11-20T10:00:00Z",
        ModelPackageStatus="Completed",
        **told,
    )


@pytest.fixture
def events(tmp_path: Path) -> ConnectorCase:
    """Return a source whose folder has one file of events, some of them twice."""
    folder = tmp_path / "events"
    folder.mkdir()
    written = [
        endpoint_event("UPDATING", NOON, sent=NOON),
        endpoint_event("IN_SERVICE", NOON + HOUR, sent=NOON + HOUR),
        # Several events for one change are documented behaviour.
        endpoint_event("IN_SERVICE", NOON + HOUR, sent=NOON + 2 * HOUR),
        package_event("Approved", NOON),
        package_event("Approved", NOON),
        package_event("Rejected", NOON + HOUR),
        package_event(None, NOON + HOUR),
        event("SageMaker Training Job State Change", NOON, TrainingJobName="x"),
    ]
    text = "\n".join(json.dumps(one) for one in written)
    (folder / "november.jsonl").write_text(text + "\n", "utf-8")
    return ConnectorCase(
        connector_type="sagemaker",
        options={"path": "events"},
        root=tmp_path,
        expected_rows=2,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=dict,
        deliver_hostile=lambda: 0,
    )


def test_events_tell_each_state_of_an_endpoint_once(events: ConnectorCase) -> None:
    assert committed(events) == {
        "model_versions": 1,
        "promotions": 2,
        "deployments": 2,
    }
    assert committed(events) == {}
    assert events.query(
        "select deployment_id, native_status, status, event_time, finished_at,"
        " environment from evidence.deployments order by event_time"
    ) == [
        (
            *("arn:eta-prod/eta-2", "Updating", "open", at(NOON), None),
            "production",
        ),
        (
            *("arn:eta-prod/eta-2", "InService", "success", at(NOON + HOUR)),
            *(at(NOON + HOUR), "production"),
        ),
    ]
    kept = [path.read_bytes() for path in events.root.rglob("*.parquet")]
    assert not any(b"somebody" in content for content in kept)


def test_an_approval_is_an_alias_and_a_rejection_is_none(
    events: ConnectorCase,
) -> None:
    events.ingest().raise_first_failure()
    assert events.query(
        "select event, alias, registered_model, model_version, event_time"
        " from evidence.promotions order by event_time"
    ) == [
        ("alias_set", "approved", "eta", "2", at(NOON)),
        ("other", None, "eta", "2", at(NOON + HOUR)),
    ]


def test_a_line_that_is_no_event_is_set_aside_with_its_number(
    events: ConnectorCase,
) -> None:
    file = events.root / "events" / "november.jsonl"
    file.write_text(file.read_text("utf-8") + "{broken\n", "utf-8")
    report = events.ingest()
    report.raise_first_failure()
    [(content,)] = events.query("select row_content from catalogue.quarantine")
    assert "line 9 is no event" in str(content)
    assert [load.row_count for load in report.committed] == [1, 2, 2]


def test_a_file_that_is_added_is_read_beside_the_others(
    events: ConnectorCase,
) -> None:
    events.ingest().raise_first_failure()
    more = json.dumps(endpoint_event("FAILED", NOON + 5 * HOUR, sent=NOON))
    (events.root / "events" / "december.json").write_text(more, "utf-8")
    assert committed(events) == {"deployments": 1}
    assert events.query("select count(*) from evidence.deployments") == [(3,)]


def test_without_a_time_of_change_the_time_of_the_event_counts(
    events: ConnectorCase,
) -> None:
    told = endpoint_event("IN_SERVICE", NOON, sent=NOON + HOUR)
    del told["detail"]["LastModifiedTime"]
    file = events.root / "events" / "november.jsonl"
    file.write_text(json.dumps(told), "utf-8")
    events.ingest().raise_first_failure()
    assert events.query("select event_time from evidence.deployments") == [
        (at(NOON + HOUR),)
    ]


def test_a_healthy_source_says_what_it_sees(
    case: ConnectorCase, events: ConnectorCase
) -> None:
    [finding] = case.connector().check()
    assert finding.message == "Amazon SageMaker lists 3 model packages and 3 endpoints."
    assert events.connector().streams()[-1] == "promotions"
    assert all(one.is_ok for one in events.connector().check())
