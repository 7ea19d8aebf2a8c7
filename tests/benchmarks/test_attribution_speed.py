"""What studies may take: processor time, which a busy machine hardly moves."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.attribution_speed import ours
from benchmarks.studies import measure

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.full

#: A thousand studies on two cores in eight minutes.
SECONDS_A_STUDY = 8 * 60 * 2 / 1000


def test_a_series_with_six_placebo_windows_takes_a_quarter_of_a_second() -> None:
    """The least of five; half as much again for caches that others use, too."""
    fit, *_ = ours()
    assert "six placebo windows" in fit.name
    assert fit.seconds <= 0.25 * 1.5


@pytest.mark.timeout(900)
def test_a_thousand_studies_would_take_eight_minutes_on_two_cores_and_no_more_memory(
    tmp_path: Path, repository: Path
) -> None:
    """By the sixty studies that eighty take more than twenty."""
    few, many = (measure(count, tmp_path, repository).measured for count in (20, 80))
    assert (many.cpu_seconds - few.cpu_seconds) / 60 <= SECONDS_A_STUDY
    assert many.peak_rss_bytes <= 1.15 * few.peak_rss_bytes
