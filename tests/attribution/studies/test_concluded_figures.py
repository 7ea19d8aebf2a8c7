"""A concluded figure outlives the build database, or says that it was lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from attribution.studies.concluded import conclude
from tests.attribution.studies.test_restated_data import LATE, Case
from triptych.core.spare_engines import database_in_spare_engine

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def case(tmp_path: Path) -> Case:
    """Return a study that was concluded, as a run ends it."""
    case = Case(tmp_path)
    assert concluded(case) == ("trial",)
    return case


def concluded(case: Case) -> tuple[str, ...]:
    with database_in_spare_engine(case.database) as connection:
        return conclude(connection, case.register, at=LATE)


def kept_file(case: Case) -> Path:
    return case.register.kept_folder / "trial.parquet"


def test_a_deleted_build_leaves_the_concluded_figure(case: Case) -> None:
    before = case.row
    case.database.unlink()
    case.deliver(1.05)
    for name in ("effect", "drawn", "data_hash", "grade", "standing"):
        assert case.row[name] == before[name]
    assert f"Restated since: {before['effect']:.6g} → " in case.row["notes"]


def test_a_deleted_build_over_the_same_data_estimates_nothing(case: Case) -> None:
    before = case.row
    frame = case.frame
    case.database.unlink()
    case.frame = frame
    assert case.deliver(1.0).fitted == ()
    assert case.row == before


def test_an_edited_build_is_put_back(case: Case) -> None:
    before = case.row
    with database_in_spare_engine(case.database) as connection:
        connection.execute("UPDATE estimates.attribution_estimates SET effect = 9e9")
    case.go()
    assert case.row == before


@pytest.mark.parametrize("edit", ["deleted", "changed"])
def test_without_its_rows_a_study_says_that_it_was_estimated_anew(
    case: Case, edit: str
) -> None:
    before = case.row
    case.database.unlink()
    if edit == "deleted":
        kept_file(case).unlink()
    else:
        kept_file(case).write_bytes(b"PAR1")
    case.deliver(1.05)
    for _ in range(2):
        row = case.row
        assert row["standing"] == "re_estimated"
        assert f"Re-estimated since: {before['effect']:.6g} → " in row["notes"]
        assert row["effect"] > 1.5 * before["effect"]
        assert concluded(case) == ()
        case.deliver(1.06)
    case.deliver(1.0)
    assert case.row["standing"] == "concluded"
    assert case.row["effect"] == before["effect"]
    assert concluded(case) == ("trial",)
    assert kept_file(case).is_file()


def test_two_people_end_the_mark_by_accepting_the_data(case: Case) -> None:
    case.database.unlink()
    kept_file(case).unlink()
    case.deliver(1.05)
    data = case.row["data_hash"][:12]
    case.accept(data, "Ana Lima", "ana")
    case.accept(data, "Ben Kay", "ben")
    case.go()
    assert case.row["standing"] == "concluded"
    assert "Re-estimated" not in case.row["notes"]
    assert concluded(case) == ("trial",)


def test_another_seed_does_not_move_a_concluded_figure(case: Case) -> None:
    """A seed could be chosen for its headline: of 0 and 11 the money differs by 1 %."""
    before = case.row
    case.go(seed=11)
    assert (case.row["effect"], case.row["drawn"]) == (
        before["effect"],
        before["drawn"],
    )


def test_a_figure_is_concluded_once(case: Case) -> None:
    assert concluded(case) == ()
    case.deliver(1.05)
    assert concluded(case) == ()
    assert [entry.event for entry in case.register.entries()] == [
        "registered",
        "concluded",
    ]
