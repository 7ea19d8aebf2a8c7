"""Each row of the list that triptych began with has a figure, or what would show it.

The sample company is read as anybody would read it: by SQL from what is published. Over
eighteen months the same list is read in ``test_returns``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.cases.seed_list_case import SEED_LIST, Answer, answers, table_of
from triptych.core.warehouse.reader import PublishedReader

if TYPE_CHECKING:
    from pathlib import Path

#: Rows of the case, with what the list says of them.
CASE = {
    "Case: 280 % over budget": 2.8,
    "Case: latency of three times the threshold": 3.0,
    "Case: 60 % of hours on incidents": 0.6,
    "Case: the move, 40 % less": -0.4,
}


@pytest.fixture(scope="module")
def found(sample_company: Path) -> list[Answer]:
    """Return what the sample company says of each row."""
    return list(answers(PublishedReader(sample_company).snapshot()))


def test_every_row_of_the_list_has_a_figure_or_a_reason_with_a_way_out(
    found: list[Answer],
) -> None:
    table = table_of(found)
    print(table)  # noqa: T201  (shown with -s)
    silent = {answer.row.name: answer.silent for answer in found if answer.silent}
    assert silent == {}
    assert table.endswith("29 of 29 are answered")


def test_the_case_has_the_figures_that_the_list_tells(found: list[Answer]) -> None:
    of = {answer.row.name: answer for answer in found}
    for name, figure in CASE.items():
        [subject] = of[name].known
        assert subject["figure"] == pytest.approx(figure, abs=0.001), name


def test_a_row_that_says_nothing_would_be_noticed() -> None:
    row = SEED_LIST[0]
    blank = {"subject": "eta", "figure": None, "low": None, "high": None}
    no_way = Answer(row, ({**blank, "reason": "not measured", "way_out": None},))
    assert not no_way.is_answered
    assert not Answer(row, ()).is_answered
    told = Answer(row, ({**blank, "reason": "not measured", "way_out": "a meter"},))
    assert told.is_answered
    assert table_of([no_way, told]).endswith("1 of 2 are answered")
