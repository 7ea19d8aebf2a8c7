"""Argo CD: the contract, a misbehaving server, and what its answers become."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from ingest.connector import Connector, RemembersLoads
from ingest.testing import ConnectorCase, ConnectorContract, _row_count
from tests.ingest.servers.http_server import Answer, Fault, Request, ScriptedServer
from tests.ingest.suites.misbehaviour import (
    SurvivesMisbehaviour,
    assert_whole,
    first_failure,
)
from tests.ingest.suites.polling import HOUR, MINUTE, NOON, at, committed
from triptych.core.errors import MalformedDeliveryError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

TOKEN = "argo_made_up_token_0123456789"
SHA = "015e3d3b480e417aede5a1293bd61de9b0fd051d"


def iso(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def entry(id_: int, deployed: datetime, revision: str = SHA, **more: Any) -> Any:
    """Return an entry of a history, whose sync took a minute."""
    return {
        "id": id_,
        "revision": revision,
        "deployStartedAt": iso(deployed - MINUTE),
        "deployedAt": iso(deployed),
        "initiatedBy": {"username": "somebody"},
        "source": {
            "repoURL": "https://github.com/acme/deploy.git",
            "path": "eta",
            "targetRevision": "main",
        },
        **more,
    }


def application(
    name: str, *history: Any, project: str = "ml", **status: Any
) -> dict[str, Any]:
    """Return an application in the form in which the API lists it."""
    return {
        "metadata": {
            "name": name,
            "namespace": "argocd",
            "uid": f"uid-{name}",
            "labels": {"environment": "production"},
        },
        "spec": {
            "project": project,
            "destination": {"server": "https://cluster.local", "namespace": "serving"},
        },
        "status": {
            "history": list(history),
            "sync": {"status": "Synced"},
            "health": {"status": "Healthy"},
            "summary": {"images": ["eta:3"]},
            **status,
        },
    }


def operation(phase: str, **more: Any) -> dict[str, Any]:
    """Return the newest operation of an application."""
    return {
        "phase": phase,
        "message": "somebody broke it",
        "startedAt": iso(NOON - HOUR),
        "finishedAt": iso(NOON - HOUR + MINUTE),
        "operation": {"sync": {"revision": SHA}, "initiatedBy": {"username": "me"}},
        "syncResult": {
            "revision": SHA,
            "source": {"repoURL": "git@github.com:acme/deploy.git"},
        },
        **more,
    }


class Argo:
    """A server with some applications."""

    def __init__(self) -> None:
        self.applications: list[dict[str, Any]] = []
        self.server = ScriptedServer()
        self.server.route("GET", "/api/v1/applications", self._answer)

    def _answer(self, request: Request) -> Answer:
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return Answer({"error": "invalid session", "code": 16}, 401)
        project = request.one("projects")
        listed = [
            one
            for one in self.applications
            if project in {None, one["spec"]["project"]}
        ]
        # An empty list is null, as Go writes it.
        return Answer({"metadata": {}, "items": listed or None})


@pytest.fixture
def argo(monkeypatch: pytest.MonkeyPatch) -> Iterator[Argo]:
    monkeypatch.setenv("ARGOCD_AUTH_TOKEN", TOKEN)
    argo = Argo()
    argo.applications = [
        application(
            "eta", entry(0, NOON - 5 * HOUR), entry(1, NOON - 2 * HOUR, "b" * 40)
        ),
        application("zeta", entry(0, NOON - 3 * HOUR), project="search"),
    ]
    with argo.server:
        yield argo


@pytest.fixture
def case(argo: Argo, tmp_path: Path) -> ConnectorCase:
    return case_of(argo, tmp_path)


def case_of(argo: Argo, root: Path, **options: object) -> ConnectorCase:
    def deliver_late() -> dict[str, Any]:
        history = argo.applications[0]["status"]["history"]
        history.append(entry(2, NOON - HOUR))
        return {}

    def deliver_hostile() -> int:
        history = argo.applications[0]["status"]["history"]
        history.append(entry(2, NOON, deployedAt="yesterday"))
        history.append(entry(3, NOON, deployedAt=None))
        return 2

    return ConnectorCase(
        connector_type="argocd",
        options={
            "base_url": argo.server.url,
            "projects": ["ml", "search"],
            **options,
        },
        root=root,
        expected_rows=3,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN,),
    )


class TestArgocdContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestArgocdMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves, the data does not."""

    names_credential = "ARGOCD_AUTH_TOKEN"

    @pytest.fixture
    def server(self, argo: Argo) -> ScriptedServer:
        return argo.server

    @pytest.fixture
    def case(self, argo: Argo, tmp_path: Path) -> ConnectorCase:
        return case_of(argo, tmp_path, timeout_seconds=0.5)

    def test_pages_that_go_in_a_circle_end_with_a_clear_message(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        """There are no pages; a cache that repeats an old answer is as bad."""
        repeated = Answer({"items": [application("eta", entry(0, NOON - 5 * HOUR))]})
        server.faults += [Fault(), Fault(repeated)]

        error = first_failure(case)

        assert isinstance(error, MalformedDeliveryError)
        assert "Asked for the project 'search', the server answered for 'ml'" in str(
            error
        )
        assert _row_count(case) == 0
        assert_whole(case)

    def test_a_page_that_comes_twice_counts_once(
        self, case: ConnectorCase, server: ScriptedServer
    ) -> None:
        """An application that is listed twice is one."""
        twice = [application("zeta", entry(0, NOON - 3 * HOUR), project="search")] * 2
        server.faults += [Fault(), Fault(Answer({"items": twice}))]
        assert_whole(case)


def test_the_connector_follows_both_protocols(case: ConnectorCase) -> None:
    assert isinstance(case.connector(), Connector)
    assert isinstance(case.connector(), RemembersLoads)


def test_an_entry_of_the_history_is_a_deployment_that_succeeded(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()

    deployed = at(NOON - 5 * HOUR)
    assert case.query(
        "select deployment_id, status, event_time, started_at, finished_at, service,"
        " project, environment, repository, branch, commit_sha"
        " from evidence.deployments where deployment_id = 'uid-eta/0'"
    ) == [
        (
            *("uid-eta/0", "success", deployed, deployed - MINUTE, deployed, "eta"),
            *("ml", "production", "acme/deploy", "main", SHA),
        )
    ]
    kept = [path.read_bytes() for path in case.root.rglob("*.parquet")]
    assert kept
    assert not any(b"somebody" in content for content in kept)


def test_only_an_application_that_changed_is_loaded_and_what_is_forgotten_stays(
    argo: Argo, case: ConnectorCase
) -> None:
    assert committed(case) == [("deployments", 2), ("deployments", 1)]
    assert committed(case) == []
    history = argo.applications[0]["status"]["history"]
    # Ten entries are kept; here, two.
    history.append(entry(2, NOON - HOUR))
    del history[0]

    # Of eta's, the last one pruned comes along.
    assert committed(case) == [("deployments", 3)]
    assert case.query(
        "select deployment_id, list(distinct status order by status)"
        " from evidence.deployments group by 1 order by 1"
    ) == [
        # Pruned since; that it succeeded has been read.
        ("uid-eta/0", ["inactive", "success"]),
        ("uid-eta/1", ["success"]),
        ("uid-eta/2", ["success"]),
        ("uid-zeta/0", ["success"]),
    ]


def test_a_deployment_that_was_pruned_unread_was_before_the_oldest_one(
    argo: Argo, case: ConnectorCase
) -> None:
    argo.applications = [application("eta", entry(8, NOON), entry(7, NOON - HOUR))]
    case.ingest().raise_first_failure()

    assert case.query(
        "select deployment_id, status, event_time, started_at, finished_at, service,"
        " environment, commit_sha from evidence.deployments"
        " where native_status = 'Pruned'"
    ) == [
        (
            *("uid-eta/6", "inactive", at(NOON - HOUR - MINUTE), None, None),
            *("eta", "production", None),
        )
    ]


@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_a_failed_operation_is_a_deployment_that_failed(
    argo: Argo, case: ConnectorCase, phase: str
) -> None:
    argo.applications = [application("eta", operationState=operation(phase))]
    case.ingest().raise_first_failure()

    assert case.query(
        "select deployment_id, status, native_status, started_at, finished_at,"
        " commit_sha, repository from evidence.deployments"
    ) == [
        (
            *("uid-eta/failed/2026-11-25T11:00:00Z", "failure", phase),
            *(at(NOON - HOUR), at(NOON - HOUR + MINUTE), SHA, "acme/deploy"),
        )
    ]


@pytest.mark.parametrize(
    "state",
    [
        operation("Succeeded"),
        operation("Running", finishedAt=None),
        operation("Failed", operation={"sync": {"dryRun": True}}),
        operation("Failed", operation={"sync": {"resources": [{"kind": "Job"}]}}),
        operation("Failed", operation={"retry": {}}),
    ],
    ids=["succeeded", "running", "dry run", "some resources", "no sync"],
)
def test_other_operations_are_no_deployments(
    argo: Argo, case: ConnectorCase, state: dict[str, Any]
) -> None:
    argo.applications = [application("eta", operationState=state)]
    assert committed(case) == []


def test_a_chart_has_a_version_and_no_commit(argo: Argo, case: ConnectorCase) -> None:
    source = {"repoURL": "https://charts.example.com", "chart": "eta"}
    argo.applications = [application("eta", entry(0, NOON, "1.4.2", source=source))]
    case.ingest().raise_first_failure()
    assert case.query(
        "select commit_sha, artifact_id, repository, branch from evidence.deployments"
    ) == [(None, "eta:1.4.2", None, None)]


def test_of_several_sources_the_first_is_told(argo: Argo, case: ConnectorCase) -> None:
    sources = [
        {"repoURL": "https://github.com/acme/one", "targetRevision": "v1"},
        {"repoURL": "https://github.com/acme/two", "targetRevision": "v2"},
    ]
    many = entry(0, NOON, "", revisions=["c" * 40, "d" * 40], sources=sources)
    argo.applications = [application("eta", {**many, "source": {}})]
    case.ingest().raise_first_failure()
    assert case.query(
        "select commit_sha, repository, branch from evidence.deployments"
    ) == [("c" * 40, "acme/one", "v1")]


def test_rules_name_the_environment_before_labels_do(
    argo: Argo, tmp_path: Path
) -> None:
    argo.applications[0]["metadata"]["labels"] = None
    rules = [
        {"application": "zeta-*", "environment": "never"},
        {"namespace": "serv*", "cluster": "*.local", "environment": "live"},
    ]
    case = case_of(argo, tmp_path, environments=rules)
    case.ingest().raise_first_failure()
    by_rule = case.query("select distinct environment from evidence.deployments")
    assert by_rule == [("live",)]


def test_an_application_that_nothing_maps_has_no_environment(
    argo: Argo, case: ConnectorCase
) -> None:
    argo.applications[0]["metadata"]["labels"] = {"environment": ""}
    case.ingest().raise_first_failure()
    assert case.query(
        "select distinct environment from evidence.deployments where service = 'eta'"
    ) == [(None,)]


def test_without_projects_all_applications_are_one_list(
    argo: Argo, tmp_path: Path
) -> None:
    case = case_of(argo, tmp_path, projects=[])
    assert committed(case) == [("deployments", 2), ("deployments", 1)]
    assert [r.query for r in argo.server.requests] == [{}]


def test_what_an_account_lacks_is_named(argo: Argo, case: ConnectorCase) -> None:
    argo.applications = []
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert "applications, get, */*, allow" in finding.next_step
    argo.server.faults += [Fault(Answer({"error": "permission denied"}, 403))]
    error = first_failure(case)
    assert isinstance(error, SourceAccessError)
    assert "applications, get" in str(error)


def test_a_healthy_server_is_told_in_figures(case: ConnectorCase) -> None:
    [finding] = case.connector().check()
    assert finding.message == "2 applications can be read."


def file_case(root: Path, **options: object) -> ConnectorCase:
    """Return a case of which nothing is delivered later."""
    return ConnectorCase(
        connector_type="argocd",
        options=options,
        root=root,
        expected_rows=6,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=dict,
        deliver_hostile=int,
    )


def test_lists_that_were_recorded_are_read_as_if_each_had_been_new(
    tmp_path: Path,
) -> None:
    """Ten entries are kept; here, two. What the first list tells is not forgotten."""
    folder = tmp_path / "recorded/api/v1/applications"
    folder.mkdir(parents=True)
    first = [entry(0, NOON - 5 * HOUR), entry(1, NOON - 3 * HOUR)]
    lists = {
        "1.json": [application("eta", *first)],
        "2.json": [
            application("eta", first[1], entry(2, NOON)),
            application("zeta", entry(7, NOON)),
        ],
    }
    for name, items in lists.items():
        (folder / name).write_text(json.dumps({"items": items}), encoding="utf-8")
    case = file_case(tmp_path, path="recorded")
    assert committed(case) == [("deployments", 4), ("deployments", 2)]
    assert committed(case) == []
    assert case.query(
        "select deployment_id, list(distinct status order by status)"
        " from evidence.deployments group by 1 order by 1"
    ) == [
        ("uid-eta/0", ["inactive", "success"]),
        ("uid-eta/1", ["success"]),
        ("uid-eta/2", ["success"]),
        # Left the history before anybody looked.
        ("uid-zeta/6", ["inactive"]),
        ("uid-zeta/7", ["success"]),
    ]


def test_a_source_is_of_a_server_or_of_files(tmp_path: Path) -> None:
    for options in ({}, {"path": "recorded", "base_url": "https://argo.example"}):
        with pytest.raises(ValueError, match="either base_url, the server, or path"):
            file_case(tmp_path, **options).connector()
