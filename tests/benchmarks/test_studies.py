"""What the benchmark of many studies prints is what was measured."""

from __future__ import annotations

from benchmarks.measure import Measured
from benchmarks.studies import Figures, plans, table


def test_the_last_row_holds_many_studies_against_few() -> None:
    """300 MiB of 250 is 1.20; 40 seconds of 5 is 8.0."""
    few = Figures(100, Measured(5.0, 9.0, 250 * 2**20, 0, "", ""))
    many = Figures(1000, Measured(40.0, 76.0, 300 * 2**20, 0, "", ""))
    lines = table([few, many]).splitlines()
    assert lines[-1] == (
        "10 times the studies: 8.0 times the time, 1.20 times the memory"
    )
    assert lines[2].split()[:2] == ["1,000", "40.0"]


def test_every_study_has_a_name_of_its_own() -> None:
    assert len({plan.id for plan in plans(1000)}) == 1000
