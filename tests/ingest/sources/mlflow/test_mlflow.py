"""MLflow: the contract, a misbehaving server, and what its answers become."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import ValidationError

from ingest.connector import Connector, RemembersLoads
from ingest.sources.mlflow.connector import MlflowConfig
from ingest.testing import ConnectorCase, ConnectorContract
from tests.ingest.servers.http_server import Answer, Fault, status
from tests.ingest.servers.loopback_mlflow import (
    TOKEN,
    LoopbackMlflow,
    experiment,
    model,
    run,
    version,
)
from tests.ingest.suites.misbehaviour import SurvivesMisbehaviour, first_failure
from tests.ingest.suites.polling import HOUR, NOON, Clock, at, committed
from triptych.core.errors import FatalSourceError, SettingsError, SourceAccessError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.ingest.servers.http_server import ScriptedServer


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", TOKEN)
    return Clock(monkeypatch)


@pytest.fixture
def mlflow(clock: Clock) -> Iterator[LoopbackMlflow]:
    """Five runs: a parent, its child with a NaN, a failed, an open, a deleted one."""
    start = ms(clock.now - 2 * HOUR)
    server = LoopbackMlflow(
        experiments=[
            experiment("1", "churn"),
            experiment("2", "/People/somebody@example.com/eta"),
        ],
        runs=[
            run("parent", start, start + 9000, tags={"feature": "churn-nudge"}),
            run(
                "child",
                start + 1000,
                start + 4000,
                tags={
                    "mlflow.parentRunId": "parent",
                    "model.architecture": "gbm",
                    "gpu_count": "4",
                    "mlflow.source.git.commit": "015e3d3b",
                    "mlflow.source.git.repoURL": "https://x:pat@github.com/acme/churn",
                    "mlflow.user": "somebody@example.com",
                },
                metrics=[
                    {"key": "loss", "value": "NaN", "timestamp": start + 2000},
                    {"key": "g", "value": 1.7976931348623157e308, "timestamp": 5},
                ],
            ),
            run("failed", start, start + 1000, status="FAILED", experiment_id="2"),
            run("open", start, status="RUNNING"),
            run("gone", start, start + 2000, stage="deleted"),
        ],
        models=[model("churn", {"production": "1"}), model("eta")],
        versions=[version("churn", 1, start + 9100, "parent")],
    )
    with server:
        yield server


@pytest.fixture
def case(mlflow: LoopbackMlflow, tmp_path: Path) -> ConnectorCase:
    return case_of(mlflow, tmp_path)


def case_of(mlflow: LoopbackMlflow, root: Path, **options: object) -> ConnectorCase:
    start = ms(NOON - HOUR)

    def deliver_late() -> dict[str, Any]:
        mlflow.runs.append(run("late", start, start + 1000))
        return {}

    def deliver_hostile() -> int:
        mlflow.runs += [
            run("epoch", 0, start),
            run("timeless", None, start),
        ]
        return 2

    return ConnectorCase(
        connector_type="mlflow",
        options={
            "base_url": mlflow.server.url,
            "auth": "bearer",
            "page_size": 2,
            **options,
        },
        root=root,
        expected_rows=5,
        expected_money={},
        deliver_again=lambda: None,
        deliver_late=deliver_late,
        deliver_hostile=deliver_hostile,
        secrets=(TOKEN,),
    )


class TestMlflowContract(ConnectorContract):
    """The shipped suite."""


@pytest.mark.full
class TestMlflowMisbehaviour(SurvivesMisbehaviour):
    """The server misbehaves, the data does not."""

    names_credential = "MLFLOW_TRACKING_TOKEN"

    @pytest.fixture
    def server(self, mlflow: LoopbackMlflow) -> ScriptedServer:
        return mlflow.server

    @pytest.fixture
    def case(self, mlflow: LoopbackMlflow, tmp_path: Path) -> ConnectorCase:
        return case_of(mlflow, tmp_path, timeout_seconds=0.5)


def rows_of(case: ConnectorCase, columns: str, stream: str) -> list[tuple[object, ...]]:
    return case.query(f"select {columns} from evidence.{stream} order by all")


# --- runs ----------------------------------------------------------------------------


def test_the_connector_follows_both_protocols(case: ConnectorCase) -> None:
    assert isinstance(case.connector(), Connector)
    assert isinstance(case.connector(), RemembersLoads)
    assert case.connector().streams() == (
        *("training_runs", "model_versions", "promotions"),
    )


def test_runs_arrive_with_what_their_tags_say_and_nobody_s_name(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()

    start = at(NOON - 2 * HOUR)
    second = timedelta(seconds=1)
    columns = (
        "run_id, status, started_at, ended_at, last_metric_at, parent_run_id,"
        " architecture, gpu_count::int, commit_sha, repository, feature_id, is_deleted"
    )
    assert rows_of(case, columns, "training_runs") == [
        (
            *("child", "finished", start + second, start + 4 * second),
            *(start + 2 * second, "parent", "gbm", 4, "015e3d3b", "acme/churn"),
            *(None, False),
        ),
        ("failed", "failed", start, start + second, *[None] * 7, False),
        ("gone", "finished", start, start + 2 * second, *[None] * 7, True),
        ("open", "running", start, *[None] * 8, False),
        (
            *("parent", "finished", start, start + 9 * second, *[None] * 6),
            *("churn-nudge", False),
        ),
    ]
    experiments = {row[0] for row in rows_of(case, "experiment", "training_runs")}
    assert experiments == {"churn", "/People/-/eta"}
    kept = [path.read_bytes() for path in case.root.rglob("*.parquet")]
    assert kept
    assert not any(b"somebody" in content or b"x:pat" in content for content in kept)


def test_the_second_ingest_asks_since_the_first_and_loads_what_is_new(
    mlflow: LoopbackMlflow, case: ConnectorCase, clock: Clock
) -> None:
    old = ms(NOON - 90 * 24 * HOUR)
    mlflow.runs.append(run("old", old, old + 1000))
    assert committed(case)[0] == ("training_runs", 6)
    assert [q["filter"] for q in mlflow.questions() if "page_token" not in q] == [
        *("", ""),
    ]

    clock.forward(HOUR)
    assert committed(case) == []
    mlflow.server.requests.clear()
    clock.forward(HOUR)
    mlflow.runs.append(run("new", ms(NOON), ms(NOON + HOUR)))

    # The overlap of a day reaches back to what ended before the first ingest.
    assert committed(case) == [("training_runs", 6)]
    since = ms(NOON - 24 * HOUR)
    asked = {(q["filter"], q["run_view_type"]) for q in mlflow.questions()}
    assert asked == {
        (f"attributes.end_time >= {since}", "ACTIVE_ONLY"),
        ("attributes.status = 'RUNNING'", "ACTIVE_ONLY"),
        ("attributes.status = 'SCHEDULED'", "ACTIVE_ONLY"),
        ("", "DELETED_ONLY"),
    }
    runs = rows_of(case, "distinct run_id", "training_runs")
    assert {row[0] for row in runs} == {
        *("child", "failed", "gone", "new", "old", "open", "parent"),
    }


def test_a_run_that_is_read_again_after_the_overlap_is_not_loaded_again(
    mlflow: LoopbackMlflow, case: ConnectorCase, clock: Clock
) -> None:
    assert committed(case)[0] == ("training_runs", 5)
    clock.forward(48 * HOUR)
    start = ms(clock.now - HOUR)
    mlflow.runs.append(run("new", start, start + 1000))
    # Listed since the first ingest, less a day: all of them once more, and the new one.
    assert committed(case) == [("training_runs", 6)]

    clock.forward(HOUR)
    mlflow.runs.append(run("newer", start, start + 2000))

    # By now the overlap leaves the first ones out; the open and the deleted one stay.
    assert committed(case) == [("training_runs", 4)]


def test_a_run_that_ends_or_is_deleted_or_taken_up_again_is_another_row(
    mlflow: LoopbackMlflow, case: ConnectorCase, clock: Clock
) -> None:
    case.ingest().raise_first_failure()
    [open_] = [one for one in mlflow.runs if one["info"]["run_id"] == "open"]
    states: list[Callable[[], object]] = [
        lambda: open_["info"].update(status="FINISHED", end_time=ms(NOON)),
        lambda: open_["info"].update(lifecycle_stage="deleted"),
        lambda: open_["info"].update(lifecycle_stage="active"),
        lambda: open_["info"].update(status="RUNNING"),
    ]
    for change in states:
        clock.forward(HOUR)
        change()
        assert committed(case) == [("training_runs", 5)]

    states_seen = case.query(
        "select hour(observed_at), status, is_deleted, ended_at"
        " from evidence.training_runs where run_id = 'open' order by observed_at"
    )
    noon = at(NOON)
    assert states_seen == [
        (12, "running", False, None),
        (13, "finished", False, noon),
        (14, "finished", True, noon),
        (15, "finished", False, noon),
        (16, "running", False, None),
    ]


def test_all_runs_are_read_again_once_in_a_week(
    mlflow: LoopbackMlflow, case: ConnectorCase, clock: Clock
) -> None:
    case.ingest().raise_first_failure()
    clock.forward(6 * 24 * HOUR)
    noted_late = ms(NOON - 30 * 24 * HOUR)
    mlflow.runs.append(run("backdated", noted_late, noted_late + 1000))
    assert committed(case) == []

    clock.forward(24 * HOUR)

    assert committed(case) == [("training_runs", 6)]


def test_an_end_before_the_start_is_delivered_as_it_is(
    mlflow: LoopbackMlflow, case: ConnectorCase
) -> None:
    mlflow.runs = [run("backdated", 1767225600000, 1767225000000)]
    case.ingest().raise_first_failure()

    assert rows_of(case, "started_at, ended_at, status", "training_runs") == [
        (datetime(2026, 1, 1), datetime(2025, 12, 31, 23, 50), "finished"),  # noqa: DTZ001
    ]


def test_an_open_run_keeps_no_end_though_one_was_noted(
    mlflow: LoopbackMlflow, case: ConnectorCase
) -> None:
    start = ms(NOON - HOUR)
    mlflow.runs = [run("again", start, start + 1, status="RUNNING")]
    case.ingest().raise_first_failure()

    assert rows_of(case, "ended_at", "training_runs") == [(None,)]


def test_a_status_that_is_new_is_unknown_and_a_wrong_count_of_gpus_too(
    mlflow: LoopbackMlflow, case: ConnectorCase
) -> None:
    start = ms(NOON - HOUR)
    mlflow.runs = [
        run("r", start, start, status="PAUSED", tags={"gpu_count": "eight"}),
        run("s", start, start, tags={"gpu_count": "NaN"}),
    ]
    case.ingest().raise_first_failure()

    columns = "status, native_status, gpu_count"
    assert rows_of(case, columns, "training_runs") == [
        ("finished", "FINISHED", None),
        ("unknown", "PAUSED", None),
    ]


def test_other_tags_can_say_what_a_run_is_for(
    mlflow: LoopbackMlflow, tmp_path: Path
) -> None:
    start = ms(NOON - HOUR)
    tags = {"ml.feature": "eta", "feature": "no", "gpus": "2", "sha": "abc"}
    mlflow.runs = [run("r", start, start, tags=tags)]
    names = {
        "feature": ["use_case", "ml.feature"],
        "gpu_count": ["gpus"],
        "commit": ["sha"],
    }
    case = case_of(mlflow, tmp_path, tags=names)
    case.ingest().raise_first_failure()

    columns = "feature_id, gpu_count::int, commit_sha"
    assert rows_of(case, columns, "training_runs") == [("eta", 2, "abc")]


def test_other_tags_make_all_runs_new(
    mlflow: LoopbackMlflow, case: ConnectorCase, clock: Clock
) -> None:
    old = ms(NOON - 90 * 24 * HOUR)
    mlflow.runs.append(run("old", old, old, tags={"use_case": "eta"}))
    case.ingest().raise_first_failure()
    clock.forward(HOUR)
    case.options["tags"] = {"feature": ["use_case"]}

    assert committed(case) == [("training_runs", 6)]
    features = rows_of(case, "distinct feature_id", "training_runs")
    assert ("eta",) in features


def test_only_the_experiments_that_are_named_are_asked_for(
    mlflow: LoopbackMlflow, tmp_path: Path
) -> None:
    case = case_of(mlflow, tmp_path, experiments=["churn"])
    case.ingest().raise_first_failure()

    assert {tuple(q["experiment_ids"]) for q in mlflow.questions()} == {("1",)}
    assert ("failed",) not in rows_of(case, "run_id", "training_runs")


def test_an_experiment_that_cannot_be_seen_is_named(
    mlflow: LoopbackMlflow, tmp_path: Path
) -> None:
    case = case_of(mlflow, tmp_path, experiments=["churn", "secret-plan"])
    error = first_failure(case)
    assert isinstance(error, SettingsError)
    assert "'secret-plan'" in str(error)
    assert "READ on the experiments" in str(error)


# --- the registry --------------------------------------------------------------------


def sweeps(case: ConnectorCase) -> list[tuple[object, ...]]:
    """Return the lists of aliases: hours of event and of the list before, and lines."""
    return case.query(
        "select hour(event_time), hour(previously_observed_at),"
        " list((registered_model || '@' || coalesce(alias, '-') || '='"
        " || coalesce(model_version, '-')) order by registered_model, alias)"
        " from evidence.promotions group by all order by 1"
    )


def test_a_list_of_aliases_has_one_time_and_names_models_without_any(
    case: ConnectorCase,
) -> None:
    case.ingest().raise_first_failure()

    assert sweeps(case) == [(12, None, ["churn@production=1", "eta@-=-"])]
    assert case.query(
        "select distinct source_system, event, event_time = observed_at, event_id"
        " from evidence.promotions"
    ) == [("mlflow", "alias_seen", True, None)]


def test_an_alias_moved_after_the_last_list_that_still_showed_it_elsewhere(
    mlflow: LoopbackMlflow, case: ConnectorCase, clock: Clock
) -> None:
    """Read at 12, 13, 14 and 15 o'clock; moved to 2 after 14, and back after 16."""
    assert committed(case)[1:] == [("model_versions", 1), ("promotions", 2)]
    for _ in range(2):
        clock.forward(HOUR)
        assert committed(case) == []
    clock.forward(HOUR)
    mlflow.models[0] = model("churn", {"production": "2"})
    assert committed(case) == [("promotions", 2)]
    clock.forward(HOUR)
    assert committed(case) == []
    clock.forward(HOUR)
    mlflow.models[0] = model("churn", {"production": "1"})
    assert committed(case) == [("promotions", 2)]
    clock.forward(HOUR)
    mlflow.models[0] = model("churn")
    assert committed(case) == [("promotions", 2)]

    assert sweeps(case) == [
        (12, None, ["churn@production=1", "eta@-=-"]),
        (15, 14, ["churn@production=2", "eta@-=-"]),
        (17, 16, ["churn@production=1", "eta@-=-"]),
        (18, 17, ["churn@-=-", "eta@-=-"]),
    ]


def test_a_failed_run_does_not_pass_for_a_list_of_aliases(
    mlflow: LoopbackMlflow, case: ConnectorCase, clock: Clock
) -> None:
    case.ingest().raise_first_failure()
    clock.forward(HOUR)
    mlflow.server.faults += [status(401)]
    assert isinstance(first_failure(case), SourceAccessError)
    clock.forward(HOUR)
    mlflow.models[0] = model("churn", {"production": "2"})
    case.ingest().raise_first_failure()

    assert [row[:2] for row in sweeps(case)] == [(12, None), (14, 12)]


def test_a_version_arrives_once_and_again_when_it_changes(
    mlflow: LoopbackMlflow, case: ConnectorCase, clock: Clock
) -> None:
    mlflow.versions[0]["tags"] = [{"key": "feature", "value": "churn-nudge"}]
    case.ingest().raise_first_failure()
    clock.forward(HOUR)
    created = ms(NOON + HOUR)
    mlflow.versions.append(version("churn", 2, created, "child"))
    # The month's versions are loaded beside those of before.
    assert committed(case) == [("model_versions", 2)]

    columns = (
        "distinct registered_model, model_version, created_at, run_id, status,"
        " feature_id"
    )
    first = at(NOON - 2 * HOUR) + timedelta(milliseconds=9100)
    assert rows_of(case, columns, "model_versions") == [
        ("churn", "1", first, "parent", "READY", "churn-nudge"),
        ("churn", "2", at(NOON + HOUR), "child", "READY", None),
    ]


def test_without_the_registry_only_runs_are_read(
    mlflow: LoopbackMlflow, tmp_path: Path
) -> None:
    case = case_of(mlflow, tmp_path, registry=False)
    assert case.connector().streams() == ("training_runs",)
    case.ingest().raise_first_failure()
    assert not mlflow.server.asked("/api/2.0/mlflow/registered-models/search")


def test_an_empty_server_is_nothing_new_and_no_error(
    mlflow: LoopbackMlflow, case: ConnectorCase
) -> None:
    mlflow.runs, mlflow.models, mlflow.versions = [], [], []
    assert committed(case) == []


# --- what a server says --------------------------------------------------------------


def test_a_page_that_asks_to_sign_in_is_a_refused_credential(
    mlflow: LoopbackMlflow, case: ConnectorCase
) -> None:
    mlflow.token = "another"
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert "You are not authenticated" in finding.message
    assert "MLFLOW_TRACKING_TOKEN" in finding.next_step
    assert "READ on the experiments" in finding.next_step


def test_a_server_that_does_not_know_its_name_says_how_it_is_started(
    mlflow: LoopbackMlflow, case: ConnectorCase
) -> None:
    said = b"Invalid Host header - possible DNS rebinding attack detected"
    mlflow.server.faults += [Fault(Answer(said, 403))]
    [finding] = case.connector().check()
    assert "Invalid Host header" in finding.message
    assert "--allowed-hosts" in finding.next_step


def test_a_refused_parameter_is_told_in_the_servers_words(
    mlflow: LoopbackMlflow, case: ConnectorCase
) -> None:
    body = {
        "error_code": "INVALID_PARAMETER_VALUE",
        "message": "Invalid value 1000000 for parameter 'max_results' supplied",
    }
    mlflow.server.faults += [status(400, body=body)]
    error = first_failure(case)
    assert isinstance(error, FatalSourceError)
    assert "Invalid value 1000000 for parameter 'max_results'" in str(error)


def test_a_user_that_sees_nothing_is_told_what_is_missing(
    mlflow: LoopbackMlflow, case: ConnectorCase
) -> None:
    mlflow.experiments = []
    [finding] = case.connector().check()
    assert not finding.is_ok
    assert "READ" in finding.next_step


def test_a_healthy_server_is_told_in_figures(case: ConnectorCase) -> None:
    [finding] = case.connector().check()
    assert finding.message == (
        "Can be read: 2 experiments, 2 registered models, 2 lines of aliases."
    )


def test_an_open_server_is_asked_without_a_credential(
    mlflow: LoopbackMlflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_TOKEN")
    case = case_of(mlflow, tmp_path, auth="none")
    assert isinstance(first_failure(case), SourceAccessError)
    assert all("authorization" not in r.headers for r in mlflow.server.requests)


def test_a_user_and_a_password_go_as_basic_credentials(
    mlflow: LoopbackMlflow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "reader")
    monkeypatch.setenv("MLFLOW_TRACKING_PASSWORD", "pass-word")
    case = case_of(mlflow, tmp_path, auth="basic")
    first_failure(case)
    # printf reader:pass-word | base64
    sent = mlflow.server.requests[0].headers["authorization"]
    assert sent == "Basic cmVhZGVyOnBhc3Mtd29yZA=="


@pytest.mark.parametrize(
    "address", ["ftp://mlflow", "https://u:p@mlflow.example.com", "mlflow:5000"]
)
def test_an_address_is_one_of_a_server_without_credentials(address: str) -> None:
    with pytest.raises(ValidationError, match="without credentials in it"):
        MlflowConfig(name="m", type="mlflow", base_url=address)


def test_a_token_is_not_sent_unencrypted(
    mlflow: LoopbackMlflow, tmp_path: Path
) -> None:
    case = case_of(mlflow, tmp_path, base_url="http://mlflow.example.com:5000")
    assert "unencrypted" in str(first_failure(case))


# --- what a real server answered -----------------------------------------------------


@pytest.fixture
def recorded(
    clock: Clock,  # noqa: ARG001  (its time is that of the connector)
    shared_data: Path,
    tmp_path: Path,
) -> Iterator[tuple[ConnectorCase, dict[str, Any]]]:
    """Return what MLflow 3.17.2 answered, ingested, and what is expected of it."""
    folder = shared_data / "events" / "mlflow"

    def told(name: str) -> Any:
        return json.loads((folder / f"{name}.json").read_text("utf-8"))

    runs = told("runs_search_all")["runs"] + told("runs_search_edge_cases")["runs"]
    models = told("registered_models_search")["registered_models"]
    experiments = told("experiments_search")["experiments"]
    server = LoopbackMlflow(
        experiments=[*experiments, experiment("3", "edge-cases")],
        runs=runs,
        models=models,
        versions=[told("model_versions_get_v3")["model_version"]],
        page_size=3,
    )
    with server:
        case = case_of(server, tmp_path)
        case.ingest().raise_first_failure()
        yield case, told("expected")


def test_recorded_runs_are_as_many_as_were_counted_by_hand(
    recorded: tuple[ConnectorCase, dict[str, Any]],
) -> None:
    case, expected = recorded
    rows = case.query(
        "select upper(status), count(*) from evidence.training_runs"
        " where feature_id = 'fraud-score' group by 1"
    )
    counts = {row[0]: row[1] for row in rows}
    assert counts == expected["runs"]["run_counts_by_status"]
    top = case.query(
        "select count(*) from evidence.training_runs"
        " where feature_id = 'fraud-score' and parent_run_id is null"
    )
    assert top == [(expected["runs"]["top_level_runs"],)]


def test_recorded_runs_took_as_long_as_was_worked_out_by_hand(
    recorded: tuple[ConnectorCase, dict[str, Any]],
) -> None:
    case, expected = recorded
    wanted = expected["runs"]["training_time_leaf_runs_all_features"]
    rows = case.query(
        "select architecture, epoch_ms(ended_at) - epoch_ms(started_at) as took"
        " from evidence.training_runs where status = 'finished'"
        " and architecture is not null order by 1, 2"
    )
    found = {name: [took for a, took in rows if a == name] for name in wanted}
    assert found == {name: one["durations_ms_sorted"] for name, one in wanted.items()}


def test_a_recorded_version_was_created_before_its_run_ended(
    recorded: tuple[ConnectorCase, dict[str, Any]],
) -> None:
    case, expected = recorded
    promoted = expected["events"][0]
    assert case.query(
        "select epoch_ms(r.started_at), epoch_ms(r.ended_at), epoch_ms(v.created_at)"
        " from evidence.model_versions as v join evidence.training_runs as r"
        " using (run_id)"
    ) == [
        (
            promoted["train_start_ms"],
            promoted["train_end_ms"],
            promoted["version_created_ms"],
        )
    ]


def test_recorded_edge_cases_break_nothing(
    recorded: tuple[ConnectorCase, dict[str, Any]],
) -> None:
    case, _ = recorded
    rows = case.query(
        "select status, is_deleted, ended_at < started_at"
        " from evidence.training_runs where experiment = 'edge-cases'"
    )
    assert Counter(rows) == Counter(
        [
            ("killed", False, False),
            ("finished", True, False),
            ("finished", False, False),
            ("finished", False, True),
        ]
    )
    assert sweeps(case)[0][2] == [
        *("churn-predictor@-=-", "fraud-detector@challenger=1"),
        "fraud-detector@production=2",
    ]
