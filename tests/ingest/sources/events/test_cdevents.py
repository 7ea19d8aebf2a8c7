"""Events of CDEvents and package URLs: which rows they become."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ingest.reading.event_rows import UnfitEventError
from ingest.sources.events import cdevents
from ingest.sources.events.cdevents import PipelineRule
from ingest.sources.events.package_urls import Package, read_package_url

if TYPE_CHECKING:
    from ingest.reading.text_rows import Row

SAMPLES = Path(__file__).with_name("cdevents")
CHAIN = "4c8cb7dd-3448-41de-8768-eec704e2829b"
ARTIFACT = (
    "pkg:oci/myapp@sha256%3A"
    "0b31b1c02ff458ad9b7b81cbdf8f028bd54699fa151f221d1e8de6817db93427"
)


def sample(name: str, **subject: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((SAMPLES / f"{name}.json").read_text())
    event["subject"].update(subject)
    return event


def typed(event: dict[str, Any], type_: str, **context: str) -> dict[str, Any]:
    return {**event, "context": {**event["context"], "type": type_, **context}}


def only_row(event: dict[str, Any], **reading: Any) -> tuple[str, Row]:
    [found] = rows(event, **reading)
    return found


def rows(event: dict[str, Any], **reading: Any) -> list[tuple[str, Row]]:
    kept = cdevents.stripped(event)
    return cdevents.rows_of(kept, received_at="2026-03-01T00:00:00+00:00", **reading)


def test_a_service_that_was_deployed_is_a_successful_deployment() -> None:
    stream, row = only_row(sample("service_deployed"))
    assert stream == "deployments"
    assert {name: value for name, value in row.items() if value is not None} == {
        "source_system": "cdevents",
        # Its chain, where to and what.
        "deployment_id": f"{CHAIN}/test123/mySubject123",
        "status": "success",
        "native_status": "deployed",
        "event_time": "2023-03-20T14:27:05.315384+00:00",
        "finished_at": "2023-03-20T14:27:05.315384+00:00",
        "observed_at": "2026-03-01T00:00:00+00:00",
        "service": "mySubject123",
        "environment": "test123",
        "environment_id": "test123",
        "artifact_id": ARTIFACT,
        "is_rollback": "false",
    }


def test_a_rollback_is_a_deployment_of_its_own_in_the_same_chain() -> None:
    _, row = only_row(sample("service_rolledback"))
    assert row["is_rollback"] == "true"
    assert row["status"] == "success"
    assert row["deployment_id"] == (
        "/event/source/123#271069a8-fc18-44f1-b38f-9d70a1695819"
    )


def test_an_incident_is_one_from_its_detection_to_its_end() -> None:
    stream, detected = only_row(sample("incident_detected"))
    _, resolved = only_row(sample("incident_resolved"))
    assert stream == "incidents"
    assert detected["incident_id"] == resolved["incident_id"] == "incident-123"
    assert (detected["status"], resolved["status"]) == ("open", "resolved")
    moment = "2022-11-11T13:52:20.079000+00:00"
    assert detected["impact_started_at"] == detected["created_at"] == moment
    assert detected["starts_at_record"] == "true"
    assert detected["resolved_at"] is None
    assert resolved["resolved_at"] == moment
    assert resolved["impact_started_at"] is None
    assert (detected["service"], detected["environment"]) == ("myApp", "prod1")


def test_an_impact_that_custom_data_dates_is_no_time_of_a_record() -> None:
    event = sample("incident_detected")
    event["customData"] = {"impact_started_at": "2022-11-11T13:00:00+01:00"}
    _, row = only_row(event)
    assert row["impact_started_at"] == "2022-11-11T12:00:00+00:00"
    assert row["starts_at_record"] == "false"


def test_a_pipeline_of_which_nothing_is_known_is_no_deployment() -> None:
    assert rows(sample("pipelinerun_finished")) == []


def test_a_failed_run_of_a_deploying_pipeline_is_a_failed_deployment() -> None:
    rules = [PipelineRule("other"), PipelineRule("my*", "production", "checkout")]
    stream, row = only_row(sample("pipelinerun_finished"), rules=rules)
    assert stream == "deployments"
    assert (row["status"], row["native_status"]) == ("failure", "failure")
    assert (row["environment"], row["service"]) == ("production", "checkout")
    assert row["deployment_id"] == f"{CHAIN}/production/checkout"


@pytest.mark.parametrize(
    ("outcome", "status"),
    [("error", "failure"), ("cancel", "cancelled"), ("success", None), ("", None)],
)
def test_a_run_that_went_well_is_told_by_the_service_alone(
    outcome: str, status: str | None
) -> None:
    event = sample("pipelinerun_finished")
    event["subject"]["content"]["outcome"] = outcome
    found = rows(event, rules=[PipelineRule("*", "production")])
    assert [row["status"] for _, row in found] == ([status] if status else [])


def test_a_failed_run_belongs_to_the_only_rollout_of_its_chain() -> None:
    artifact = cdevents.stripped(sample("artifact_published"))
    rollback = cdevents.stripped(sample("service_rolledback"))
    _, row = only_row(sample("pipelinerun_finished"), chain=[artifact, rollback])
    assert (row["environment"], row["service"]) == ("test123", "mySubject123")
    assert (
        row["artifact_id"] == "pkg:golang/mygit.com/myorg/myapp@234fd47e07d1004f0aed9c"
    )
    # It is that of the failed rollout, not of going back.
    assert row["deployment_id"] == f"{CHAIN}/test123/mySubject123"


def test_of_several_rollouts_in_a_chain_nobody_said_which_one_failed() -> None:
    chain = [
        cdevents.stripped(sample("service_deployed")),
        cdevents.stripped(sample("service_deployed", id="another")),
    ]
    _, row = only_row(sample("pipelinerun_finished"), chain=chain)
    assert (row["environment"], row["service"]) == (None, None)


@pytest.mark.parametrize(
    "type_",
    [
        "dev.cdevents.service.deployed.1.0.0",
        "dev.cdevents.service.deployed.0.0.9",
        "dev.cdevents.deployment.finished.0.1.0",
        "dev.cdevents.service.deployed",
        "org.example.service.deployed.0.3.0",
    ],
)
def test_a_type_or_version_that_is_not_known_is_kept_by_its_context(type_: str) -> None:
    event = typed(sample("service_deployed"), type_)
    kept = cdevents.stripped(event)
    assert kept.keys() == {"context"}
    assert kept["context"]["type"] == type_
    assert cdevents.rows_of(kept, received_at=None) == []


@pytest.mark.parametrize("version", ["0.1.0", "0.2.1", "0.3.0-draft", "0.9.7"])
def test_every_version_of_the_known_range_is_read(version: str) -> None:
    event = typed(
        sample("service_deployed"), f"dev.cdevents.service.upgraded.{version}"
    )
    assert only_row(event)[1]["native_status"] == "upgraded"


def test_custom_data_names_model_and_run_and_wins_over_the_package() -> None:
    event = sample("service_deployed")
    event["subject"]["content"]["artifactId"] = "pkg:mlflow/fraud@3?run_id=abc"
    _, row = only_row(event)
    assert (row["registered_model"], row["model_version"]) == ("fraud", "3")
    event["customData"] = {
        "registered_model": "fraud-detector",
        "model_version": 4,
        "commit_sha": "f" * 40,
        "feature_id": "scoring",
        "note": "never kept",
    }
    _, row = only_row(event)
    assert (row["registered_model"], row["model_version"]) == ("fraud-detector", "4")
    assert (row["commit_sha"], row["feature_id"]) == ("f" * 40, "scoring")
    assert "never kept" not in json.dumps(cdevents.stripped(event))


def test_a_merged_change_is_a_commit_where_its_time_and_name_are_told() -> None:
    event = typed(sample("service_deployed"), "dev.cdevents.change.merged.0.3.0")
    event["subject"]["content"] = {"repository": {"id": "acme/eta"}}
    assert rows(event) == []
    event["customData"] = {
        "commit_sha": "c" * 40,
        "committed_at": "2023-03-20T10:00:00Z",
    }
    stream, row = only_row(event)
    assert stream == "commits"
    assert row["repository"] == "acme/eta"
    assert row["committed_at"] == "2023-03-20T10:00:00+00:00"
    assert row["merged_at"] == "2023-03-20T14:27:05.315384+00:00"


@pytest.mark.parametrize("path", [("context", "id"), ("subject", "id")])
def test_an_event_without_what_its_type_requires_is_refused(
    path: tuple[str, str],
) -> None:
    event = sample("service_deployed")
    del event[path[0]][path[1]]
    with pytest.raises(UnfitEventError, match=r"\.id is missing"):
        cdevents.stripped(event)


def test_the_conformance_samples_fit_their_schemas_and_arrive(
    shared_data: Path,
) -> None:
    jsonschema = pytest.importorskip("jsonschema")
    folder = shared_data / "events" / "cdevents-v0.5"
    schemas = {
        "service_deployed": "servicedeployed",
        "service_rolledback": "servicerolledback",
        "incident_detected": "incidentdetected",
        "incident_resolved": "incidentresolved",
    }
    for name, schema in schemas.items():
        text = (folder / f"schema_{schema}.json").read_text()
        event = json.loads((folder / f"{name}.json").read_text())
        # The schema of links is a file that is not among the samples.
        text = text.replace('"$ref": "links/embeddedlinksarray"', '"type": "array"')
        jsonschema.validate(event, json.loads(text))
        assert len(rows(event)) == 1
    for path in folder.glob("*.json"):
        if not path.name.startswith("schema_"):
            cdevents.stripped(json.loads(path.read_text()))


@pytest.mark.parametrize(
    ("url", "package"),
    [
        (f"pkg:github/acme/eta@{'a' * 40}", Package("acme/eta", "a" * 40)),
        ("pkg:github/acme/eta@v1.2.0", Package("acme/eta", None)),
        (
            "pkg:oci/eta@sha256%3A1?vcs_url=git%2Bhttps://git.example/acme/eta.git@"
            f"{'b' * 40}",
            Package("acme/eta", "b" * 40),
        ),
        ("pkg:mlflow/fraud@3", Package(registered_model="fraud", model_version="3")),
        (
            "pkg:huggingface/acme/eta@43c0",
            Package(registered_model="acme/eta", model_version="43c0"),
        ),
        ("pkg:npm/left-pad@1.3.0", Package()),
        ("docker.io/acme/eta:latest", Package()),
        (None, Package()),
    ],
)
def test_a_package_url_tells_of_code_or_of_a_model(
    url: str | None, package: Package
) -> None:
    assert read_package_url(url) == package
