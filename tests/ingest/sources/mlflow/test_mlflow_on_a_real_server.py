"""The MLflow connector against a real server, whose own client makes what is read."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from ingest.testing import ConnectorCase
from tests.ingest.servers.http_server import resolve_to_this_machine
from tests.ingest.servers.real_mlflow import (
    MISSING_REASON,
    MlflowUser,
    is_installed,
    real_mlflow,
)
from tests.ingest.suites.misbehaviour import first_failure
from tests.ingest.suites.polling import committed
from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# fast: test_mlflow.py, on a server of our own that answers alike
pytestmark = [
    pytest.mark.full,
    pytest.mark.skipif(not is_installed(), reason=MISSING_REASON),
]

# Times of runs are the client's to choose: an hour ago, to the millisecond.
RUNS = """
now = int(time.time() * 1000)
hour_ago = now - 3600_000
eta = client.create_experiment("eta")
churn = client.create_experiment("churn")
ids = {}
def made(name, experiment, start, end, status="FINISHED", **tags):
    run = client.create_run(experiment, start_time=start, tags=tags)
    ids[name] = run.info.run_id
    if status is not None:
        client.set_terminated(run.info.run_id, status=status, end_time=end)
made("parent", eta, hour_ago, hour_ago + 9000, feature="eta-score")
made("child", eta, hour_ago, hour_ago + 1500, **{
    "mlflow.parentRunId": ids["parent"], "model.architecture": "gbm",
    "mlflow.source.git.commit": "015e3d3b", "gpu_count": "8"})
made("failed", eta, hour_ago, hour_ago + 500, status="FAILED")
made("backdated", churn, hour_ago, hour_ago - 1000)
made("gone", churn, hour_ago, hour_ago + 700)
made("open", churn, hour_ago, None, status=None)
for value in (float("nan"), float("inf"), float("-inf"), 0.5):
    client.log_metric(ids["child"], "loss", value, timestamp=hour_ago + 1000)
client.log_metric(ids["parent"], "nan", float("nan"), timestamp=hour_ago + 1001)
client.log_metric(ids["parent"], "inf", float("inf"), timestamp=hour_ago + 1002)
client.delete_run(ids["gone"])
for name in ("eta", "churn", "plain"):
    client.create_registered_model(name)
for run in ("parent", "child"):
    source = client.get_run(ids[run]).info.artifact_uri + "/model"
    client.create_model_version("eta", source, run_id=ids[run])
client.set_registered_model_alias("eta", "production", "1")
told = {"ids": ids, "hour_ago": hour_ago}
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with real_mlflow(tmp_path_factory.mktemp("mlflow")) as address:
        yield address


@pytest.fixture(scope="module")
def user(server: str) -> Iterator[MlflowUser]:
    with MlflowUser(server) as user:
        yield user


def case_of(address: str, root: Path, **options: object) -> ConnectorCase:
    return ConnectorCase(
        connector_type="mlflow",
        options={"base_url": address, "page_size": 2, **options},
        root=root,
        expected_rows=6,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=dict,
        deliver_hostile=lambda: 0,
    )


def test_what_a_client_does_arrives_whole_and_later_only_what_is_new(
    server: str, user: MlflowUser, tmp_path: Path
) -> None:
    told = user.does(RUNS)
    ids, case = told["ids"], case_of(server, tmp_path)

    assert committed(case) == [
        ("training_runs", 6),
        ("model_versions", 2),
        ("promotions", 3),
    ]
    assert_all_arrived(case, ids, hour_ago=told["hour_ago"])
    assert committed(case) == []

    user.does("client.set_terminated(ids['open'], end_time=now)")
    assert committed(case) == [("training_runs", 6)]
    assert case.query(
        "select status, epoch_ms(ended_at) - epoch_ms(started_at)"
        f" from evidence.training_runs where run_id = '{ids['open']}'"
        " order by observed_at"
    ) == [("running", None), ("finished", 3_600_000)]

    before_the_move = datetime.now(UTC)
    assert committed(case) == []
    user.does("client.set_registered_model_alias('eta', 'production', '2')")
    assert committed(case) == [("promotions", 3)]
    assert_moved_after(case, before_the_move)

    user.does("client.delete_registered_model_alias('eta', 'production')")
    user.does("client.restore_run(ids['gone'])")
    assert committed(case) == [("training_runs", 6), ("promotions", 3)]
    assert_restored_and_without_alias(case, ids["gone"])


def assert_all_arrived(
    case: ConnectorCase, ids: dict[str, str], *, hour_ago: int
) -> None:
    """Compare what a first look loaded with what :data:`RUNS` did."""
    names = {run_id: name for name, run_id in ids.items()}
    rows = case.query(
        "select run_id, status, experiment, epoch_ms(ended_at), is_deleted,"
        " epoch_ms(started_at) from evidence.training_runs"
    )
    assert {row[5] for row in rows} == {hour_ago}
    assert {names[str(row[0])]: row[1:5] for row in rows} == {
        "parent": ("finished", "eta", hour_ago + 9000, False),
        "child": ("finished", "eta", hour_ago + 1500, False),
        "failed": ("failed", "eta", hour_ago + 500, False),
        "backdated": ("finished", "churn", hour_ago - 1000, False),
        "gone": ("finished", "churn", hour_ago + 700, True),
        "open": ("running", "churn", None, False),
    }
    assert case.query(
        "select feature_id, architecture, gpu_count::int, commit_sha,"
        " parent_run_id is not null, epoch_ms(last_metric_at) - epoch_ms(started_at)"
        " from evidence.training_runs where last_metric_at is not null order by 1"
    ) == [
        ("eta-score", None, None, None, False, 1002),
        (None, "gbm", 8, "015e3d3b", True, 1000),
    ]
    assert case.query(
        "select registered_model, model_version, run_id, status"
        " from evidence.model_versions order by 2"
    ) == [
        ("eta", "1", ids["parent"], "READY"),
        ("eta", "2", ids["child"], "READY"),
    ]


def assert_moved_after(case: ConnectorCase, before_the_move: datetime) -> None:
    """Compare when the alias was moved with when it was."""
    [(alias, version, event_time, previously)] = case.query(
        "select alias, model_version, event_time, previously_observed_at"
        " from evidence.promotions where previously_observed_at is not null"
        " and registered_model = 'eta'"
    )
    assert (alias, version) == ("production", "2")
    assert isinstance(previously, datetime)
    assert isinstance(event_time, datetime)
    # The move was after the last list that did not show it, which was not loaded.
    moved_after = previously.replace(tzinfo=UTC)
    assert before_the_move <= moved_after < event_time.replace(tzinfo=UTC)


def assert_restored_and_without_alias(case: ConnectorCase, run_id: str) -> None:
    """Tell that a deleted run is back, and no model has an alias any more."""
    assert case.query(
        "select is_deleted from evidence.training_runs"
        f" where run_id = '{run_id}' order by observed_at desc limit 1"
    ) == [(False,)]
    assert case.query(
        "select registered_model, alias, model_version from evidence.promotions"
        " where event_time = (select max(event_time) from evidence.promotions)"
        " order by 1"
    ) == [("churn", None, None), ("eta", None, None), ("plain", None, None)]


@pytest.mark.full
def test_a_server_is_told_in_figures_by_check(server: str, tmp_path: Path) -> None:
    [finding] = case_of(server, tmp_path).connector().check()
    assert finding.is_ok
    assert "experiments" in finding.message


@pytest.mark.full
def test_a_server_that_is_asked_under_another_name_says_how_it_is_started(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolve_to_this_machine("mlflow.example.com", monkeypatch)
    address = server.replace("127.0.0.1", "mlflow.example.com")
    [finding] = case_of(address, tmp_path).connector().check()
    assert "Invalid Host header" in finding.message
    assert "--allowed-hosts" in finding.next_step


@pytest.mark.full
def test_a_page_that_is_too_large_is_refused_in_the_servers_words(
    server: str, tmp_path: Path
) -> None:
    from ingest.http.client import HttpClient
    from ingest.sources.mlflow.api import MlflowApi

    with HttpClient(base_url=server, source="m") as client:
        api = MlflowApi(client, source="m", page_size=1_000_000)
        with pytest.raises(FatalSourceError, match="'max_results'"):
            api.runs(["0"], ended_since=None)
    assert "'missing'" in str(
        first_failure(case_of(server, tmp_path, experiments=["missing"]))
    )
