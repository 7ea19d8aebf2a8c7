"""Deliveries of GitHub: signed ones become states of deployments; no others do."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from ingest.sources.github.rows import GithubReading
from ingest.sources.github.webhooks import state_rows, verify_signature
from ingest.streams import STREAMS
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from pathlib import Path

# The example of GitHub's own documentation.
SECRET = "It's a Secret to Everybody"
BODY = b"Hello, World!"
HEADERS = {
    "X-GitHub-Event": "deployment",
    "X-GitHub-Delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958",
    "X-Hub-Signature-256": "sha256="
    "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17",
}
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
DEPLOYMENT: dict[str, Any] = {
    "repository": {"full_name": "acme/eta"},
    "deployment": {
        "id": 7,
        "sha": "f95f852b",
        "ref": "main",
        "task": "deploy",
        "payload": {},
        "environment": "production",
        "creator": {"login": "somebody", "email": "somebody@example.com"},
        "description": "by somebody",
        "created_at": "2026-11-25T10:00:00Z",
    },
}


def only_row(event: str, body: object, **more: Any) -> dict[str, str | None]:
    [row] = state_rows(event, body, observed_at=NOW, **more)
    return row


def test_the_example_of_the_documentation_is_known_by_its_id() -> None:
    delivery_id = verify_signature(BODY, HEADERS, secret=SECRET)
    assert delivery_id == HEADERS["X-GitHub-Delivery"]


@pytest.mark.parametrize(
    ("body", "headers", "secret"),
    [
        (b"Hello, World?", HEADERS, SECRET),
        (BODY, HEADERS, "another"),
        (BODY, HEADERS, ""),
        (BODY, {**HEADERS, "X-Hub-Signature-256": "sha256=ü"}, SECRET),
        (BODY, {**HEADERS, "X-Hub-Signature-256": "757107ea"}, SECRET),
    ],
)
def test_whatever_is_signed_cannot_be_changed(
    body: bytes, headers: dict[str, str], secret: str
) -> None:
    with pytest.raises(SourceAccessError, match="signature is not made") as caught:
        verify_signature(body, headers, secret=secret)
    assert SECRET not in str(caught.value)
    assert "757107ea" not in str(caught.value)


@pytest.mark.parametrize("name", sorted(HEADERS))
def test_a_missing_header_is_named(name: str) -> None:
    headers = {key: value for key, value in HEADERS.items() if key != name}
    with pytest.raises(SourceAccessError, match=name.lower()):
        verify_signature(BODY, headers, secret=SECRET)


def test_a_deployment_is_open_when_it_is_created_and_names_nobody() -> None:
    row = only_row("deployment", DEPLOYMENT)
    assert {name: value for name, value in row.items() if value is not None} == {
        "source_system": "github",
        "deployment_id": "7",
        "attempt": "1",
        "status": "open",
        "native_status": "created",
        "event_time": "2026-11-25T10:00:00+00:00",
        "started_at": "2026-11-25T10:00:00+00:00",
        "observed_at": "2026-11-25T12:00:00+00:00",
        "repository": "acme/eta",
        "branch": "main",
        "commit_sha": "f95f852b",
        "environment": "production",
        "change_hint": "deploy",
    }
    assert set(row) <= {column.name for column in STREAMS["deployments"].columns}


@pytest.mark.parametrize(
    ("state", "status", "is_end"),
    [
        ("success", "success", True),
        ("failure", "failure", True),
        ("error", "failure", True),
        ("inactive", "inactive", False),
        ("in_progress", "open", False),
        ("queued", "open", False),
        ("pending", "open", False),
        ("paused", "unknown", False),
    ],
)
def test_a_status_is_a_state_and_some_states_are_an_end(
    state: str, status: str, is_end: bool
) -> None:
    told = {"state": state, "created_at": "2026-11-25T10:05:00Z"}
    body = {**DEPLOYMENT, "deployment_status": told}
    row = only_row("deployment_status", body)
    moment = "2026-11-25T10:05:00+00:00"
    assert (row["status"], row["native_status"], row["event_time"]) == (
        *(status, state, moment),
    )
    assert row["finished_at"] == (moment if is_end else None)
    assert row["started_at"] == "2026-11-25T10:00:00+00:00"


@pytest.mark.parametrize("is_text", [False, True])
def test_a_payload_may_name_the_version_that_is_deployed(is_text: bool) -> None:
    named = {"registered_model": "eta", "model_version": 3, "note": "by somebody"}
    payload = json.dumps(named) if is_text else named
    body = {
        **DEPLOYMENT,
        "deployment": {**DEPLOYMENT["deployment"], "payload": payload},
    }
    row = only_row("deployment", body)
    assert (row["registered_model"], row["model_version"]) == ("eta", "3")
    assert "somebody" not in repr(row)

    other = GithubReading(payload={"model_version": "note"})
    assert only_row("deployment", body, reading=other)["model_version"] == "by somebody"


@pytest.mark.parametrize("payload", ["", "no JSON", None, [1], "3"])
def test_a_payload_that_names_nothing_breaks_nothing(payload: object) -> None:
    body = {
        **DEPLOYMENT,
        "deployment": {**DEPLOYMENT["deployment"], "payload": payload},
    }
    assert "model_version" not in only_row("deployment", body)


def test_a_branch_of_hotfixes_and_a_rollback_are_told() -> None:
    changed = {**DEPLOYMENT["deployment"], "ref": "hotfix/7", "task": "rollback"}
    row = only_row("deployment", {**DEPLOYMENT, "deployment": changed})
    assert (row["is_rework"], row["is_rollback"], row["change_hint"]) == (
        *("true", "true", "rollback"),
    )


def workflow_run(**changed: Any) -> dict[str, Any]:
    run = {
        "id": 289782451,
        "run_attempt": 2,
        "path": ".github/workflows/deploy.yml",
        "status": "completed",
        "conclusion": "success",
        "head_sha": "3484a3fb",
        "head_branch": "main",
        "created_at": "2026-11-25T09:00:00Z",
        "run_started_at": "2026-11-25T10:00:00Z",
        "updated_at": "2026-11-25T10:04:00Z",
        **changed,
    }
    return {"repository": {"full_name": "acme/eta"}, "workflow_run": run}


DEPLOYS = {".github/workflows/deploy.yml": "production"}


def test_only_runs_of_a_workflow_that_deploys_are_deployments() -> None:
    row = only_row("workflow_run", workflow_run(), workflows=DEPLOYS)
    assert (row["deployment_id"], row["attempt"]) == ("run/289782451", "2")
    assert (row["environment"], row["status"]) == ("production", "success")
    assert row["started_at"] == "2026-11-25T10:00:00+00:00"
    assert row["finished_at"] == row["event_time"] == "2026-11-25T10:04:00+00:00"

    assert state_rows("workflow_run", workflow_run(), observed_at=NOW) == []
    other = workflow_run(path=".github/workflows/test.yml")
    assert state_rows("workflow_run", other, observed_at=NOW, workflows=DEPLOYS) == []


@pytest.mark.parametrize(
    ("status", "conclusion", "expected"),
    [
        ("queued", None, "open"),
        ("in_progress", None, "open"),
        ("completed", "failure", "failure"),
        ("completed", "timed_out", "failure"),
        ("completed", "cancelled", "cancelled"),
        ("completed", "skipped", "cancelled"),
        ("completed", "action_required", "open"),
        ("completed", "marvellous", "unknown"),
    ],
)
def test_a_run_ends_as_it_was_concluded(
    status: str, conclusion: str | None, expected: str
) -> None:
    body = workflow_run(status=status, conclusion=conclusion)
    row = only_row("workflow_run", body, workflows=DEPLOYS)
    assert row["status"] == expected
    assert (row["finished_at"] is None) == (expected in {"open", "unknown"})


def test_other_events_are_no_deployments() -> None:
    assert state_rows("push", {"ref": "refs/heads/main"}, observed_at=NOW) == []


@pytest.mark.parametrize(
    ("event", "body", "why"),
    [
        ("deployment", [], "no repository"),
        ("deployment", {"repository": {"full_name": "a/b"}}, "no object 'deployment'"),
        ("deployment_status", DEPLOYMENT, "no object 'deployment_status'"),
        ("workflow_run", DEPLOYMENT, "no object 'workflow_run'"),
    ],
)
def test_a_body_without_its_object_is_refused(
    event: str, body: object, why: str
) -> None:
    with pytest.raises(MalformedDeliveryError, match=why):
        state_rows(event, body, observed_at=NOW)


@pytest.mark.parametrize(
    ("name", "event", "told"),
    [
        (
            *("deployment_payload", "deployment"),
            ("145988746", "created", "2019-05-15T15:20:53+00:00"),
        ),
        (
            *("deployment_status_payload", "deployment_status"),
            ("145988746", "success", "2019-05-15T15:20:55+00:00"),
        ),
        (
            *("workflow_run_completed.payload", "workflow_run"),
            ("run/289782451", "success", "2020-10-05T16:33:49+00:00"),
        ),
    ],
)
def test_the_bodies_that_github_publishes_are_read(
    shared_data: Path, name: str, event: str, told: tuple[str, str, str]
) -> None:
    file = shared_data / "events" / "github" / f"webhook_{name}.json"
    body = json.loads(file.read_text("utf-8"))
    row = only_row(event, body, workflows={".github/workflows/test.yml": "production"})
    found = (row["deployment_id"], row["native_status"], row["event_time"])
    assert found == told
    assert str(row["commit_sha"]) in file.read_text("utf-8")
    assert "Codertocat" not in repr({**row, "repository": None})
