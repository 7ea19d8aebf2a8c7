"""Studies that begin in a process while the engine still builds the marts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import duckdb
import pytest

from attribution.estimates.fitting_processes import ProcessAhead
from attribution.studies.process import StudyJob, fitted
from attribution.studies.register import StudyRegister
from attribution.studies.request import StudyRequest
from attribution.studies.updating import begin_studies, update_study_estimates
from tests.attribution.marts_of_studies import write_marts
from tests.attribution.quick_fits import Deadly, told_at_once
from tests.attribution.studies_for_tests import series_study
from triptych.core.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_MESSAGES = "SELECT study_id, refusal_message FROM estimates.attribution_studies"


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "build.duckdb"
    frame, plan = series_study(before=40, after=10)
    write_marts(path, dict.fromkeys(("begun", "other"), (frame, plan)))
    return path


@pytest.fixture
def ahead(monkeypatch: pytest.MonkeyPatch) -> Iterator[ProcessAhead]:
    for module in ("process", "updating"):
        monkeypatch.setattr(f"attribution.studies.{module}.fit_study", told_at_once)
    with ProcessAhead([]) as made:
        yield made


def asked(folder: Path, *names: str, seed: int = 0) -> StudyRequest:
    _, plan = series_study(before=40, after=10)
    plans = [plan.model_copy(update={"id": name}) for name in names]
    return StudyRequest(plans, StudyRegister(folder / "register.jsonl"), seed=seed)


def begin(database: Path, request: StudyRequest, ahead: ProcessAhead) -> None:
    """Begin as a build does: its transaction is not over, and other marts are due."""
    with duckdb.connect(str(database)) as connection:
        connection.execute("BEGIN")
        begin_studies(connection, request, ahead)
        connection.execute("SELECT 1")
        connection.execute("COMMIT")


def update(database: Path, request: StudyRequest, ahead: ProcessAhead) -> None:
    update_study_estimates(database, request, SilentProgress(), ahead=ahead)


def messages(database: Path) -> dict[str, str]:
    with duckdb.connect(str(database)) as connection:
        return dict(connection.execute(_MESSAGES).fetchall())


def test_what_was_begun_is_stored_and_not_fitted_again(
    database: Path, ahead: ProcessAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = asked(database.parent, "begun")
    begin(database, request, ahead)
    assert ahead.is_started
    monkeypatch.setattr(
        "attribution.studies.process.pool", lambda _: pytest.fail("fitted again")
    )
    update(database, request, ahead)
    assert messages(database)["begun"] != str(os.getpid())


def test_a_study_is_begun_of_a_workspace_that_has_costs(
    database: Path, ahead: ProcessAhead
) -> None:
    with duckdb.connect(str(database)) as connection:
        connection.execute("CREATE SCHEMA cost")
        connection.execute(
            "CREATE TABLE cost.fct_daily_model_costs AS SELECT '2024-01' AS"
            " billing_month"
        )
    begin(database, asked(database.parent, "begun"), ahead)
    assert ahead.is_started


def test_what_was_not_begun_or_differs_since_is_fitted_all_the_same(
    database: Path, ahead: ProcessAhead
) -> None:
    begin(database, asked(database.parent, "begun"), ahead)
    update(database, asked(database.parent, "begun", "other"), ahead)
    found = messages(database)
    assert found["begun"] != found["other"]
    begin(database, asked(database.parent, "begun", seed=1), ahead)
    update(database, asked(database.parent, "begun", seed=2), ahead)
    assert messages(database)["begun"] != found["begun"]


def test_no_process_is_started_for_studies_that_cannot_begin_or_are_stored(
    database: Path, ahead: ProcessAhead
) -> None:
    begin(database, asked(database.parent), ahead)
    begin(database, asked(database.parent, "without-a-row"), ahead)
    request = asked(database.parent, "begun")
    update(database, request, ahead)
    with duckdb.connect(str(database)) as connection:
        # One that failed would be tried again.
        connection.execute("UPDATE estimates.attribution_studies SET status = 'told'")
    begin(database, request, ahead)
    assert not ahead.is_started


def test_a_process_that_dies_leaves_what_was_begun_to_others(
    ahead: ProcessAhead, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadly: Any = Deadly()
    job = StudyJob(deadly, deadly, "of a study")
    ahead.start()
    ahead.begin(told_at_once, [job])
    monkeypatch.setattr(
        "attribution.studies.rows.rows_of_failure", lambda *_: {"failed": job.digest}
    )
    found = fitted([job], processes=1, ahead=ahead)
    assert [tables for _, tables in found] == [{"failed": "of a study"}]
