"""Data that is edited after a study's end changes no figure until two accept it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import pytest

from attribution.studies import updating
from attribution.studies.process import fit_study
from attribution.studies.register import StudyRegister
from attribution.studies.request import StudyRequest
from tests.attribution.marts_of_studies import write_marts
from tests.attribution.studies_for_tests import trial_study
from triptych.core.errors import UsageError
from triptych.core.progress import SilentProgress
from triptych.core.spare_engines import database_in_spare_engine

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from attribution.studies.process import StudyJob, Tables
    from attribution.studies.request import StudyReport

EARLY = datetime(2024, 1, 2, tzinfo=UTC)
LATE = datetime(2024, 9, 1, tzinfo=UTC)


def fitted_here(
    jobs: Iterable[StudyJob], **_: object
) -> Iterator[tuple[StudyJob, Tables]]:
    """Fit studies in this process, which has the libraries already."""
    return ((job, fit_study(job)) for job in jobs)


class Case:
    """A concluded study, and its data to be edited."""

    def __init__(self, folder: Path) -> None:
        self.database = folder / "build.duckdb"
        self.register = StudyRegister(folder / "register.jsonl")
        frame, plan = trial_study()
        self.frame, self.plan, self.treated = frame, plan, frame["arm"]
        self.register.register(plan, by="Ana Lima", at=EARLY)
        self.deliver(1.0)

    def deliver(self, factor: float) -> StudyReport:
        """Deliver outcomes of treated units times a factor, and estimate."""
        after = self.frame["date"] >= str(self.plan.launch)
        edited = after & (self.treated == 1.0)
        outcome = self.frame["outcome"].where(~edited, self.frame["outcome"] * factor)
        studies = {self.plan.id: (self.frame.assign(outcome=outcome), self.plan)}
        write_marts(self.database, studies)
        return self.go()

    def go(self, *, seed: int = 0) -> StudyReport:
        request = StudyRequest([self.plan], self.register, seed=seed)
        with patch.object(updating, "fitted", fitted_here):
            return updating.update_study_estimates(
                self.database, request, SilentProgress()
            )

    def accept(self, data: str, by: str, login: str) -> None:
        self.register.accept_data(self.plan.id, data, by=by, login=login, at=LATE)

    @property
    def row(self) -> dict[str, Any]:
        sql = (
            "SELECT studies.*, effect, (SELECT sum(effect)"
            " FROM estimates.attribution_monthly_draws) AS drawn"
            " FROM estimates.attribution_studies AS studies"
            " JOIN estimates.attribution_estimates USING (study_id)"
            " WHERE estimand = 'total'"
        )
        with database_in_spare_engine(self.database, read_only=True) as connection:
            [row] = connection.sql(sql).to_arrow_table().to_pylist()
        return dict(row)


@pytest.fixture
def case(tmp_path: Path) -> Case:
    return Case(tmp_path)


def restated_data(case: Case) -> str:
    """Return the data that the note asks to accept."""
    notes = str(case.row["notes"])
    return notes.split("(data ")[1].split(")", maxsplit=1)[0]


def test_edited_data_is_shown_and_counted_only_when_two_accept_it(case: Case) -> None:
    """Measured before: outcomes times 1.05 raised 79,535 to 227,565 without a mark."""
    before = case.row
    assert before["standing"] == "concluded"
    case.deliver(1.05)
    kept = case.row
    for name in ("effect", "drawn", "data_hash", "grade"):
        assert kept[name] == before[name]
    assert f"Restated since: {before['effect']:.6g} → " in kept["notes"]
    assert case.go().fitted == ()
    data = restated_data(case)
    case.accept(data, "Ana Lima", "ana")
    case.go()
    assert case.row["effect"] == before["effect"]
    case.accept(data, "Ben Kay", "ben")
    case.go()
    assert case.row["effect"] > 1.5 * before["effect"]
    assert case.row["data_hash"].startswith(data)
    assert "Restated since" not in case.row["notes"]


def test_a_login_with_two_names_is_one_person(case: Case) -> None:
    before = case.row
    case.deliver(1.05)
    data = restated_data(case)
    case.accept(data, "Ana Lima", "ana")
    with pytest.raises(UsageError, match="same login or name"):
        case.accept(data, "Ben Kay", "ana")
    with pytest.raises(UsageError, match="same login or name"):
        case.accept(data, "Ana Lima", "ben")
    case.go()
    assert case.row["effect"] == before["effect"]


def test_accepted_data_is_not_a_licence_for_other_data(case: Case) -> None:
    before = case.row
    case.deliver(1.05)
    data = restated_data(case)
    case.accept(data, "Ana Lima", "ana")
    case.accept(data, "Ben Kay", "ben")
    case.deliver(1.10)
    assert case.row["effect"] == before["effect"]
    assert restated_data(case) != data


def test_data_that_no_longer_answers_leaves_the_concluded_figure(case: Case) -> None:
    before = case.row
    case.frame = case.frame.drop(columns="arm")
    case.deliver(1.0)
    assert case.row["effect"] == before["effect"]
    assert "→ refused" in case.row["notes"]


def test_data_that_is_put_back_has_no_note(case: Case) -> None:
    case.deliver(1.05)
    case.deliver(1.0)
    assert "Restated since" not in case.row["notes"]
