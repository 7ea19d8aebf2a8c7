"""GitLab: the contract, a misbehaving server, and what its answers become."""

from __future__ import annotations

import csv
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from ingest.connector import Connector, RemembersLoads
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.loopback_gitlab import (
    TOKEN,
    LoopbackGitlab,
    commit,
    iso,
    merge_request,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour
from tests.ingest.suites.polling import DAY, HOUR, MINUTE, NOON, Clock, at, committed

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ingest.servers.http_server import ScriptedServer


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv("GITLAB_TOKEN", TOKEN)
    return Clock(monkeypatch)


@pytest.fixture
def gitlab(clock: Clock) -> Iterator[LoopbackGitlab]:
    """Four deployments: one that succeeded and shipped, one that failed, two others."""
    gitlab = LoopbackGitlab()
    gitlab.deploys(1, clock.now - 5 * HOUR, "aaa", "success")
    gitlab.deploys(2, clock.now - 4 * HOUR, "bbb", "failed")
    gitlab.deploys(3, clock.now - 3 * HOUR, "bbb", "running")
    staging = {"id": 8, "name": "staging", "tier": "staging"}
    gitlab.deploys(4, clock.now - 2 * HOUR, "ccc", "success", environment=staging)
    gitlab.merge_requests[1] = [merge_request(7, NOON - 2 * DAY, NOON - 6 * HOUR)]
    gitlab.commits[7] = [
        commit(f"a{number}", NOON - DAY + number * HOUR) for number in range(3)
    ]
    with gitlab:
        yield gitlab


@pytest.fixture
def case(gitlab: LoopbackGitlab, tmp_path: Path) -> ConnectorCase:
    return case_of(gitlab, tmp_path)


def case_of(gitlab: LoopbackGitlab, root: Path, **options: object) -> ConnectorCase:
    def deliver_late() -> dict[str, Any]:
        gitlab.deploys(5, NOON - 30 * MINUTE, "ddd", "success")
        return {}

    def deliver_hostile() -> int:
        gitlab.deploys(6, NOON - 20 * MINUTE, "eee", "created", created_at="yesterday")
        old = {"created_at": "1970-01-01T00:00:00.000Z"}
        gitlab.deploys(7, NOON - 10 * MINUTE, "eee", "created", **old)
        return 2

    return ConnectorCase(
        connector_type="gitlab",
        options={
            "base_url": gitlab.server.url,
            "projects": ["acme/eta"],
            **options,
        },
        root=root,
        expected_rows=4,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN,),
    )


class TestGitlabContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full  # fast: the same client, of OpenAI
class TestGitlabMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves, the data does not."""

    names_credential = "GITLAB_TOKEN"

    @pytest.fixture
    def server(self, gitlab: LoopbackGitlab) -> ScriptedServer:
        return gitlab.server

    @pytest.fixture
    def case(self, gitlab: LoopbackGitlab, tmp_path: Path) -> ConnectorCase:
        return case_of(gitlab, tmp_path, timeout_seconds=0.5, commits=False)


def test_the_connector_follows_both_protocols(case: ConnectorCase) -> None:
    assert isinstance(case.connector(), Connector)
    assert isinstance(case.connector(), RemembersLoads)
    assert case.connector().streams() == ("deployments", "commits")


def test_a_deployment_has_its_own_status_and_the_times_of_its_job(
    gitlab: LoopbackGitlab, case: ConnectorCase
) -> None:
    gitlab.deployments["acme/eta"][0]["deployable"]["status"] = "failed"
    case.ingest().raise_first_failure()

    half = timedelta(seconds=30)
    starts = [at(NOON - hours * HOUR) for hours in (5, 4, 3, 2)]
    ends = [start + 2 * MINUTE for start in starts]
    assert case.query(
        "select deployment_id, native_status, status, started_at, finished_at,"
        " event_time, environment, environment_tier, repository, commit_sha"
        " from evidence.deployments order by 1"
    ) == [
        (
            *("1", "success", "success", starts[0] + half, ends[0], ends[0]),
            *("production", None, "acme/eta", "aaa"),
        ),
        (
            *("2", "failed", "failure", starts[1] + half, ends[1], ends[1]),
            *("production", None, "acme/eta", "bbb"),
        ),
        (
            *("3", "running", "open", starts[2] + half, None, starts[2] + half),
            *("production", None, "acme/eta", "bbb"),
        ),
        (
            *("4", "success", "success", starts[3] + half, ends[3], ends[3]),
            *("staging", "staging", "acme/eta", "ccc"),
        ),
    ]


def test_a_deployment_without_a_job_has_its_own_times(
    gitlab: LoopbackGitlab, case: ConnectorCase
) -> None:
    gitlab.deployments["acme/eta"] = []
    gitlab.deploys(1, NOON - HOUR, "aaa", "success", deployable=None)
    gitlab.deploys(2, NOON - HOUR, "aaa", "blocked", deployable=None)
    case.ingest().raise_first_failure()

    start, end = at(NOON - HOUR), at(NOON - HOUR + 2 * MINUTE)
    assert case.query(
        "select status, started_at, finished_at, event_time"
        " from evidence.deployments order by deployment_id"
    ) == [("success", start, end, end), ("open", start, None, start)]


def test_only_what_changed_is_asked_for_again_and_a_later_state_is_a_row(
    gitlab: LoopbackGitlab, case: ConnectorCase, clock: Clock
) -> None:
    assert committed(case) == [("commits", 3), ("deployments", 4)]
    clock.forward(HOUR)
    assert committed(case) == []
    asked = [r.one("updated_after") for r in gitlab.server.requests]
    assert iso(NOON - DAY).replace(".000Z", "Z") in asked

    clock.forward(DAY)
    running = gitlab.deployments["acme/eta"][2]
    running["status"] = "canceled"
    running["updated_at"] = iso(clock.now - MINUTE)
    running["deployable"]["finished_at"] = iso(clock.now - MINUTE)
    assert committed(case) == [("deployments", 4)]
    assert case.query(
        "select distinct native_status, finished_at from evidence.deployments"
        " where deployment_id = '3' order by 1"
    ) == [("canceled", at(clock.now - MINUTE)), ("running", None)]

    clock.forward(HOUR)
    gitlab.deploys(5, clock.now - MINUTE, "ddd", "created")
    # Only what changed in the last day and what is new.
    assert committed(case) == [("deployments", 2)]


def test_the_commits_of_shipped_merge_requests_tell_when_a_change_was_begun(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()

    assert case.query(
        "select commit_sha, committed_at, authored_at, deployment_id, deployed_sha,"
        " pull_request_id, pull_request_opened_at, merged_at, is_squash"
        " from evidence.commits order by 1"
    ) == [
        (
            f"a{number}",
            at(NOON - DAY + number * HOUR),
            at(NOON - DAY + (number - 1) * HOUR),
            *("1", "aaa", "7", at(NOON - 2 * DAY), at(NOON - 6 * HOUR), False),
        )
        for number in range(3)
    ]


def test_only_deployments_to_production_that_succeeded_are_asked_what_they_shipped(
    gitlab: LoopbackGitlab, case: ConnectorCase
) -> None:
    tier = {"id": 7, "name": "eu", "tier": "production"}
    gitlab.deploys(5, NOON - HOUR, "ddd", "success", environment=tier)
    # Vercel's spelling, and no tier that GitLab knows.
    spelt = {"id": 9, "name": "Production", "tier": "other"}
    gitlab.deploys(6, NOON - HOUR, "eee", "success", environment=spelt)
    case.ingest().raise_first_failure()
    asked = [r.path for r in gitlab.server.requests if "merge_requests" in r.path]
    assert {path.split("/")[-2] for path in asked if "deployments" in path} == {
        *("1", "5", "6"),
    }


def test_a_list_that_moved_while_it_was_paged_is_read_again(
    gitlab: LoopbackGitlab, case: ConnectorCase
) -> None:
    """One of the first page changes before the second: the third moves past it."""
    first = gitlab.deployments["acme/eta"][0]

    def change(page: int) -> None:
        if page == 1 and first["updated_at"] < iso(NOON - HOUR):
            first["updated_at"] = iso(NOON - MINUTE)

    gitlab.on_page = change
    case.ingest().raise_first_failure()

    found = case.query("select deployment_id from evidence.deployments order by 1")
    assert found == [("1",), ("2",), ("3",), ("4",)]


def test_nobody_s_name_and_no_text_is_kept(case: ConnectorCase) -> None:
    case.ingest().raise_first_failure()

    kept = [path.read_bytes().lower() for path in case.root.rglob("*.parquet")]
    assert len(kept) == 2
    assert not any(b"somebody" in content for content in kept)


def test_what_a_token_lacks_is_named(gitlab: LoopbackGitlab, tmp_path: Path) -> None:
    gitlab.denied.add("merge_requests")
    case = case_of(gitlab, tmp_path, projects=["acme/eta", "acme/secret"])
    denied, unseen = case.connector().check()
    assert "403" in denied.message
    assert "scope 'read_api' and the role 'Reporter' on acme/eta" in denied.next_step
    assert "acme/secret: The server refuses the request (404" in unseen.message


def test_raw_deployments_of_another_tool_s_tests_are_read_by_their_own_status(
    gitlab: LoopbackGitlab, case: ConnectorCase, shared_data: Path
) -> None:
    """In each row the status of the job is another one."""
    file = shared_data / "events" / "devlake" / "gitlab_raw_deployments.csv"
    with file.open(encoding="utf-8") as text:
        raw = [json.loads(row["data"]) for row in csv.DictReader(text)]
    gitlab.deployments["acme/eta"] = raw
    case.options["history_days"] = 3650
    case.options["commits"] = False
    case.ingest().raise_first_failure()

    assert all(one["status"] != one["deployable"]["status"] for one in raw)
    assert case.query(
        "select deployment_id, status, strftime(finished_at, '%H:%M:%S')"
        " from evidence.deployments order by 1"
    ) == [
        ("13426753", "success", "14:17:47"),
        ("13432654", "unknown", None),
        # Its job never ran, so the end is when it changed last.
        ("13432768", "failure", "15:02:23"),
        ("13436532", "cancelled", "15:21:27"),
        ("13436763", "open", None),
    ]
