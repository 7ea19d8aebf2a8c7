"""GitHub: the contract, a misbehaving server, and what its answers become."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.connector import Connector, RemembersLoads
from ingest.sources.github.connector import GithubConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, Fault
from tests.ingest.servers.loopback_github import (
    TOKEN,
    LoopbackGithub,
    commit,
    iso,
    pull,
    workflow_run,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour, first_failure
from tests.ingest.suites.polling import DAY, HOUR, MINUTE, NOON, Clock, at, committed
from triptych.core.errors import SourceAccessError, TransientSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.ingest.servers.http_server import ScriptedServer

DEPLOY = {
    "repository": "acme/eta",
    "path": ".github/workflows/deploy.yml",
    "environment": "production",
}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv("GITHUB_TOKEN", TOKEN)
    return Clock(monkeypatch)


@pytest.fixture
def github(clock: Clock) -> Iterator[LoopbackGithub]:
    """Three deployments: two that succeeded, of which one was replaced; one failed."""
    github = LoopbackGithub()
    github.deploys(1, clock.now - 3 * HOUR, "aaa", "in_progress", "success", "inactive")
    github.deploys(2, clock.now - 2 * HOUR, "bbb", "failure")
    github.deploys(3, clock.now - HOUR, "ccc", "queued", "success")
    github.compared["aaa", "ccc"] = [
        commit("bbb", NOON - 5 * HOUR),
        commit("ccc", NOON - 2 * HOUR),
        commit("mmm", NOON - 2 * HOUR, parents=2),
    ]
    github.pulls["ccc"] = [
        pull(8, NOON - 9 * HOUR, NOON - 2 * HOUR, "ccc"),
        pull(9, NOON - HOUR, None, "x"),
    ]
    github.pulls["mmm"] = [pull(7, NOON - 8 * HOUR, NOON - 2 * HOUR, "mmm")]
    with github:
        yield github


@pytest.fixture
def case(github: LoopbackGithub, tmp_path: Path) -> ConnectorCase:
    return case_of(github, tmp_path)


def case_of(github: LoopbackGithub, root: Path, **options: object) -> ConnectorCase:
    def deliver_late() -> dict[str, Any]:
        github.deploys(4, NOON - 30 * MINUTE, "ddd", "success")
        return {}

    def deliver_hostile() -> int:
        deployment = github.deploys(5, NOON - 20 * MINUTE, "eee", "success", "failure")
        github.statuses[5][0]["created_at"] = "2026-11-25T11:50:00"
        github.statuses[5][1]["created_at"] = "1970-01-01T00:00:00Z"
        assert deployment["id"] == 5
        return 2

    return ConnectorCase(
        connector_type="github",
        options={
            "base_url": github.server.url,
            "repositories": ["acme/eta"],
            **options,
        },
        root=root,
        # Three creations, and three, one and two statuses.
        expected_rows=9,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN,),
    )


class TestGithubContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestGithubMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves, the data does not."""

    names_credential = "GITHUB_TOKEN"

    @pytest.fixture
    def server(self, github: LoopbackGithub) -> ScriptedServer:
        return github.server

    @pytest.fixture
    def case(self, github: LoopbackGithub, tmp_path: Path) -> ConnectorCase:
        return case_of(github, tmp_path, timeout_seconds=0.5, commits=False)


def states(case: ConnectorCase, deployment_id: str) -> list[tuple[object, ...]]:
    return case.query(
        "select distinct native_status, status, event_time, finished_at"
        " from evidence.deployments"
        f" where deployment_id = '{deployment_id}' order by event_time"
    )


# --- deployments ---------------------------------------------------------------------


def test_the_connector_follows_both_protocols(case: ConnectorCase) -> None:
    assert isinstance(case.connector(), Connector)
    assert isinstance(case.connector(), RemembersLoads)
    assert case.connector().streams() == ("deployments", "commits")


def test_every_status_is_a_state_and_the_first_end_is_the_outcome(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()

    start = at(NOON - 3 * HOUR)
    success = start + 2 * MINUTE
    assert states(case, "1") == [
        ("created", "open", start, None),
        ("in_progress", "open", start + MINUTE, None),
        ("success", "success", success, success),
        ("inactive", "inactive", start + 3 * MINUTE, None),
    ]
    assert case.query(
        "select distinct repository, environment, environment_tier, branch, commit_sha,"
        " attempt, started_at from evidence.deployments where deployment_id = '1'"
    ) == [("acme/eta", "production", None, "main", "aaa", 1, start)]


def test_nobody_s_name_and_no_text_is_kept(case: ConnectorCase) -> None:
    case.ingest().raise_first_failure()

    kept = [path.read_bytes().lower() for path in case.root.rglob("*.parquet")]
    assert len(kept) == 2
    assert not any(b"somebody" in content for content in kept)


def test_only_deployments_that_changed_are_asked_about_again(
    github: LoopbackGithub, case: ConnectorCase, clock: Clock
) -> None:
    assert committed(case) == [("commits", 3), ("deployments", 9)]
    clock.forward(HOUR)
    assert committed(case) == []

    clock.forward(2 * DAY)
    github.deploys(4, clock.now - HOUR, "ddd", "success")
    github.compared["ccc", "ddd"] = [commit("ddd", clock.now - 2 * HOUR)]
    # Since the first look, less a day: all that was there, and the new one.
    assert committed(case) == [("commits", 4), ("deployments", 11)]
    clock.forward(HOUR)
    github.server.requests.clear()
    github.turns(github.deployments["acme/eta"][0], "inactive", clock.now - MINUTE)

    assert committed(case) == [("deployments", 3)]
    asked = {
        request.path.split("/")[-2]
        for request in github.server.requests
        if request.path.endswith("/statuses")
    }
    assert asked == {"4", "3"}, "the new one, and the one that it is compared with"


def test_a_deployment_that_ends_later_gets_its_end(
    github: LoopbackGithub, case: ConnectorCase, clock: Clock
) -> None:
    waiting = github.deploys(4, NOON - 30 * MINUTE, "ddd", "queued")
    case.ingest().raise_first_failure()
    clock.forward(20 * DAY)
    github.compared["ccc", "ddd"] = [commit("ddd", NOON - 2 * HOUR)]
    github.turns(waiting, "success", clock.now - HOUR)
    case.ingest().raise_first_failure()

    assert [row[0] for row in states(case, "4")] == ["created", "queued", "success"]
    assert case.query(
        "select distinct commit_sha, deployment_id from evidence.commits"
        " where deployment_id = '4'"
    ) == [("ddd", "4")]


def test_the_first_look_goes_back_as_far_as_it_is_told_to(
    github: LoopbackGithub, tmp_path: Path
) -> None:
    github.deployments["acme/eta"].reverse()
    github.deploys(9, NOON - 100 * DAY, "old", "success")
    github.deployments["acme/eta"].reverse()
    near, far = (
        case_of(github, tmp_path / name, history_days=days)
        for name, days in (("near", 90), ("far", 101))
    )
    for case in (near, far):
        case.root.mkdir()
        case.ingest().raise_first_failure()

    assert states(near, "9") == []
    assert len(states(far, "9")) == 2


def test_a_payload_names_the_model_version_that_is_deployed(
    github: LoopbackGithub, tmp_path: Path
) -> None:
    payload = {"model": "eta-score", "model_version": "3", "who": "somebody"}
    github.deploys(4, NOON - HOUR, "ddd", payload=payload, ref="hotfix/7")
    case = case_of(
        github,
        tmp_path,
        payload={"registered_model": "model", "model_version": "model_version"},
        environment_tiers={"production": "production"},
    )
    case.ingest().raise_first_failure()

    assert case.query(
        "select registered_model, model_version, is_rework, environment_tier"
        " from evidence.deployments where deployment_id = '4'"
    ) == [("eta-score", "3", True, "production")]


# --- what a deployment brought -------------------------------------------------------


def test_a_deployment_brought_what_the_one_before_it_lacked(
    case: ConnectorCase,
) -> None:
    """The failed deployment between brought nothing to production."""
    case.ingest().raise_first_failure()

    assert case.query(
        "select commit_sha, committed_at, authored_at, deployment_id, deployed_sha,"
        " pull_request_id, pull_request_opened_at, merged_at, is_squash"
        " from evidence.commits order by commit_sha"
    ) == [
        (
            *("bbb", at(NOON - 5 * HOUR), at(NOON - 6 * HOUR), "3", "ccc"),
            *(None, None, None, None),
        ),
        (
            *("ccc", at(NOON - 2 * HOUR), at(NOON - 3 * HOUR), "3", "ccc"),
            *("8", at(NOON - 9 * HOUR), at(NOON - 2 * HOUR), True),
        ),
        (
            *("mmm", at(NOON - 2 * HOUR), at(NOON - 3 * HOUR), "3", "ccc"),
            *("7", at(NOON - 8 * HOUR), at(NOON - 2 * HOUR), False),
        ),
    ]


def test_the_first_deployment_ever_brings_nothing_that_is_told(
    github: LoopbackGithub, case: ConnectorCase
) -> None:
    github.deployments["acme/eta"] = github.deployments["acme/eta"][:1]
    assert committed(case) == [("deployments", 3)]


def test_the_one_before_is_found_though_it_is_older_than_what_is_read(
    github: LoopbackGithub, tmp_path: Path
) -> None:
    newest, *_, oldest = github.deployments["acme/eta"]
    for deployment in github.deployments["acme/eta"][1:]:
        deployment["created_at"] = deployment["updated_at"] = iso(NOON - 200 * DAY)
    for one in github.statuses[1]:
        one["created_at"] = iso(NOON - 200 * DAY)
    assert (newest["id"], oldest["id"]) == (3, 1)
    case = case_of(github, tmp_path, history_days=1, open_days=1)

    assert committed(case) == [("commits", 3), ("deployments", 3)]


def test_other_environments_are_not_compared_with(
    github: LoopbackGithub, case: ConnectorCase
) -> None:
    github.deployments["acme/eta"][0]["environment"] = "staging"
    assert committed(case) == [("deployments", 9)]


@pytest.mark.parametrize(
    ("environment", "tiers"),
    [("Production", {}), ("prod-eu", {"prod-eu": "Production"})],
)
def test_production_is_known_by_its_tier_and_in_any_case(
    github: LoopbackGithub, tmp_path: Path, environment: str, tiers: dict[str, str]
) -> None:
    """Vercel writes Production, and the metrics count it as production."""
    for deployment in github.deployments["acme/eta"]:
        deployment["environment"] = environment
    case = case_of(github, tmp_path, environment_tiers=tiers)
    assert committed(case) == [("commits", 3), ("deployments", 9)]


def test_a_revision_that_is_gone_leaves_its_changes_untold(
    github: LoopbackGithub, case: ConnectorCase
) -> None:
    github.compared.clear()
    assert committed(case) == [("deployments", 9)]


def test_the_same_revision_again_is_not_compared_with_itself(
    github: LoopbackGithub, case: ConnectorCase
) -> None:
    github.deployments["acme/eta"][0]["sha"] = "aaa"
    assert committed(case) == [("deployments", 9)]
    assert not [r for r in github.server.requests if "/compare/" in r.path]


def test_without_pull_requests_none_is_asked_for(
    github: LoopbackGithub, tmp_path: Path
) -> None:
    case = case_of(github, tmp_path, pull_requests=False)
    assert committed(case) == [("commits", 3), ("deployments", 9)]
    assert not [r for r in github.server.requests if r.path.endswith("/pulls")]


# --- workflows -----------------------------------------------------------------------


def test_runs_of_a_workflow_that_deploys_are_deployments_by_attempt(
    github: LoopbackGithub, tmp_path: Path
) -> None:
    github.deployments["acme/eta"] = []
    github.runs["deploy.yml"] = [
        workflow_run(50, NOON - 9 * HOUR, "success", sha="aaa"),
        workflow_run(60, NOON - 5 * HOUR, "failure", "success", sha="ccc"),
        workflow_run(70, NOON - HOUR, None, sha="ddd"),
    ]
    case = case_of(github, tmp_path, workflows=[DEPLOY])

    assert committed(case) == [("commits", 3), ("deployments", 4)]
    assert case.query(
        "select deployment_id, attempt, status, finished_at, commit_sha, environment"
        " from evidence.deployments order by 1, 2"
    ) == [
        (*("run/50", 1, "success"), at(NOON - 9 * HOUR + 4 * MINUTE), "aaa", PROD),
        (*("run/60", 1, "failure"), at(NOON - 5 * HOUR + 4 * MINUTE), "ccc", PROD),
        (*("run/60", 2, "success"), at(NOON - 4 * HOUR + 4 * MINUTE), "ccc", PROD),
        (*("run/70", 1, "open"), None, "ddd", PROD),
    ]
    assert case.query("select distinct deployment_id from evidence.commits") == [
        ("run/60",)
    ]


PROD = "production"


def test_more_runs_than_a_search_answers_are_searched_in_halves(
    github: LoopbackGithub, tmp_path: Path
) -> None:
    """GitHub answers a thousand; 2,500 runs in 90 and 30 days need slices."""
    github.deployments["acme/eta"] = []
    github.runs["deploy.yml"] = [
        workflow_run(1000 + n, NOON - 80 * DAY + n * 45 * MINUTE, "failure")
        for n in range(2500)
    ]
    case = case_of(github, tmp_path, workflows=[DEPLOY], commits=False)

    assert committed(case) == [("deployments", 2500)]
    slices = {str(r.one("created")) for r in github.server.requests}
    assert len(slices) > 3


# --- limits, rights and addresses ----------------------------------------------------


@pytest.mark.parametrize("code", [403, 429])
def test_a_used_up_limit_that_comes_back_soon_is_waited_for(
    github: LoopbackGithub, case: ConnectorCase, code: int
) -> None:
    headers = {
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": str(int(time.time()) + 2),
    }
    said = {"message": "API rate limit exceeded for installation"}
    github.server.faults += [Fault(Answer(said, code, headers))]

    assert committed(case) == [("commits", 3), ("deployments", 9)]
    [limited] = github.server.faulted
    again = [r for r in github.server.requests if r.question() == limited.question()]
    assert again[1].arrived_at - again[0].arrived_at >= 0.9


def test_a_limit_that_comes_back_late_is_said_at_once_with_the_time(
    github: LoopbackGithub, case: ConnectorCase
) -> None:
    reset = int(time.time()) + 1800
    headers = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(reset)}
    said = {"message": "API rate limit exceeded"}
    github.server.faults += [Fault(Answer(said, 403, headers))]

    error = first_failure(case)

    assert isinstance(error, TransientSourceError)
    until = datetime.fromtimestamp(reset, UTC)
    assert f"used up until {until:%Y-%m-%d %H:%M} UTC" in str(error)
    assert len(github.server.requests) == 1


def test_a_refusal_that_asks_to_wait_is_no_refused_token(
    github: LoopbackGithub, case: ConnectorCase
) -> None:
    said = {"message": "You have exceeded a secondary rate limit"}
    headers = {"Retry-After": "1"}
    github.server.faults += [Fault(Answer(said, 403, headers))]
    assert committed(case) == [("commits", 3), ("deployments", 9)]


def test_a_refusal_with_requests_left_is_a_refused_token(
    github: LoopbackGithub, case: ConnectorCase
) -> None:
    headers = {"X-RateLimit-Remaining": "4999", "X-RateLimit-Reset": "1"}
    said = {"message": "Resource not accessible by integration"}
    github.server.faults += [Fault(Answer(said, 403, headers))]
    assert isinstance(first_failure(case), SourceAccessError)


@pytest.mark.parametrize(
    ("denied", "permission"),
    [
        ("deployments", "Deployments: read"),
        ("actions", "Actions: read"),
        ("commits", "Contents: read"),
        ("pulls", "Pull requests: read"),
    ],
)
def test_the_permission_that_a_token_lacks_is_named(
    github: LoopbackGithub, tmp_path: Path, denied: str, permission: str
) -> None:
    github.denied.add(denied)
    case = case_of(github, tmp_path, workflows=[DEPLOY])
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert f"permission '{permission}' on acme/eta" in finding.next_step


def test_a_repository_that_a_token_cannot_see_is_named(
    github: LoopbackGithub, tmp_path: Path
) -> None:
    case = case_of(github, tmp_path, repositories=["acme/eta", "acme/secret"])
    good, bad = case.connector().check()
    assert good.is_ok
    assert "acme/secret" in bad.message
    assert "'Metadata: read' on acme/secret" in bad.next_step


def test_two_repositories_are_apart(github: LoopbackGithub, tmp_path: Path) -> None:
    github.deploys(11, NOON - HOUR, "zzz", "success", repository="acme/zeta")
    case = case_of(github, tmp_path, repositories=["acme/eta", "acme/zeta"])
    assert committed(case) == [("commits", 3), ("deployments", 9), ("deployments", 2)]
    github.deploys(12, NOON - MINUTE, "yyy", repository="acme/zeta")
    assert committed(case) == [("deployments", 3)]


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"repositories": ["eta"]}, "write it as owner/name"),
        ({"repositories": []}, "at least 1"),
        ({"payload": {"status": "x"}}, "cannot fill 'status'"),
        ({"base_url": "http://github.example.com"}, "must be https"),
        ({"workflows": [{**DEPLOY, "path": "deploy.yml"}]}, "pattern"),
    ],
)
def test_options_that_cannot_work_are_refused(
    options: dict[str, Any], why: str
) -> None:
    values = {"name": "g", "type": "github", "repositories": ["a/b"], **options}
    with pytest.raises(ValidationError, match=why):
        GithubConfig.model_validate(values)


def test_what_github_publishes_is_read(
    github: LoopbackGithub, case: ConnectorCase, shared_data: Path
) -> None:
    """The outcome is the first end, also where an older list is delivered."""
    folder = shared_data / "events" / "github"
    told = {
        name: json.loads((folder / f"rest_list_{name}.json").read_text("utf-8"))
        for name in ("deployments", "deployment_statuses")
    }
    [deployment] = told["deployments"]
    github.deployments["acme/eta"] = [deployment]
    github.statuses[deployment["id"]] = told["deployment_statuses"]
    case.options["history_days"] = 3650
    deployment["updated_at"] = iso(NOON - HOUR)
    case.ingest().raise_first_failure()

    moment = datetime(2012, 7, 20, 1, 19, 13)  # noqa: DTZ001
    assert sorted(states(case, "1")) == [
        ("created", "open", moment, None),
        ("success", "success", moment, moment),
    ]
