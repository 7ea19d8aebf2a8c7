"""A late delivery of a wave counts only where five answers of each group change."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest.connector import Window
from ingest.engine.delivery_landing import EngineLimits
from ingest.engine.runner import IngestRunner, LakePlaces
from ingest.sources.tables.connector import Tables, TablesConfig
from triptych.core.lake.catalogue_file import connect
from triptych.core.progress import SilentProgress

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

HEADER = (
    "wave_id,submitted_on,group_id,item_id,scale_min,scale_max,value,respondent_hash\n"
)
Answer = tuple[str, int, int]


def of(group: str, people: range, value: int = 7) -> list[Answer]:
    return [(group, person, value) for person in people]


SPRING = of("north", range(7)) + of("south", range(6)) + of("east", range(4))


def deliver(
    root: Path, answers: Sequence[Answer], name: str = "a.csv", wave: str = "spring"
) -> None:
    path = root / "answers" / name
    path.parent.mkdir(exist_ok=True)
    rows = [
        f"{wave},2026-03-{10 + person:02},{group},pace,0,10,{value},{group}-{person}\n"
        for group, person, value in answers
    ]
    path.write_text(HEADER + "".join(rows))


def ingest(root: Path) -> list[str]:
    """Ingest what is there; return what the report notes."""
    config = TablesConfig(
        name="survey", type="tables", stream="survey_responses", path="answers"
    )
    places = LakePlaces(
        root=root,
        lake=root / "lake",
        staging=root / "lake" / ".staging",
        raw_database=root / "raw.duckdb",
    )
    runner = IngestRunner(
        places,
        run_id=f"run-{len(list(root.glob('lake/survey_responses/*/*/*')))}",
        limits=EngineLimits("1GB", 1),
        progress=SilentProgress(),
    )
    report = runner.run([Tables(config, root=root)], Window())
    assert report.failures == []
    return report.notes


def counts(root: Path) -> dict[str, int]:
    with connect(root / "raw.duckdb", root=root, read_only=True) as raw:
        rows = raw.execute(
            "SELECT group_id, count(DISTINCT respondent_hash)"
            " FROM evidence.survey_responses GROUP BY ALL"
        ).fetchall()
    return dict(rows)


FIRST = {"north": 7, "south": 6, "east": 4}


@pytest.mark.parametrize(
    ("later", "name"),
    [
        (SPRING + of("north", range(7, 8)), "a.csv"),
        (SPRING + of("north", range(7, 11)), "a.csv"),
        # Of a group that is hidden: the total over all groups would show it.
        (SPRING + of("east", range(4, 5)), "a.csv"),
        # A group that nobody had heard of.
        (SPRING + of("west", range(3)), "a.csv"),
        # One that goes, and one that is corrected.
        (SPRING[1:], "a.csv"),
        ([("north", 0, 3), *SPRING[1:]], "a.csv"),
        # Five more of one group do not hide one more of another.
        (SPRING + of("north", range(7, 12)) + of("south", range(6, 7)), "a.csv"),
        # Under another name: alone, and with all that counts already.
        (of("north", range(7, 8)), "b.csv"),
        (SPRING + of("north", range(7, 8)), "b.csv"),
    ],
)
def test_fewer_than_five_changed_answers_of_a_group_are_held_back(
    tmp_path: Path, later: list[Answer], name: str
) -> None:
    deliver(tmp_path, SPRING)
    assert ingest(tmp_path) == []
    deliver(tmp_path, later, name)
    for _ in range(2):  # and again, as long as nothing else comes
        [note] = ingest(tmp_path)
        assert note.startswith(f"answers/{name}: not loaded, for the figures of wave")
        assert "changed by 5 answers or more" in note
        assert counts(tmp_path) == FIRST


@pytest.mark.parametrize(
    ("later", "name", "expected"),
    [
        (SPRING + of("north", range(7, 12)), "a.csv", {**FIRST, "north": 12}),
        (SPRING + of("east", range(4, 9)), "a.csv", {**FIRST, "east": 9}),
        (SPRING + of("west", range(5)), "b.csv", {**FIRST, "west": 5}),
        (of("north", range(7, 12)), "b.csv", {**FIRST, "north": 12}),
    ],
)
def test_five_changed_answers_of_each_group_count(
    tmp_path: Path, later: list[Answer], name: str, expected: dict[str, int]
) -> None:
    deliver(tmp_path, SPRING)
    assert ingest(tmp_path) == []
    deliver(tmp_path, later, name)
    assert ingest(tmp_path) == []
    assert counts(tmp_path) == expected


def test_files_of_one_run_and_other_waves_are_taken_as_they_are(tmp_path: Path) -> None:
    deliver(tmp_path, SPRING)
    deliver(tmp_path, of("west", range(2)), "b.csv")
    assert ingest(tmp_path) == []
    deliver(tmp_path, of("north", range(2)), "c.csv", wave="summer")
    assert ingest(tmp_path) == []
    assert counts(tmp_path)["west"] == 2
