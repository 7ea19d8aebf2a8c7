"""How past forecasts of sums of weeks did, and how wide their intervals must be.

A rolling origin on sums that are about as long as those that are shown. What they
missed by widens or narrows what is drawn; then an interval is widened until nine in ten
of the sums that had no say in the method lie inside theirs.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.forecasting.growth import WEEK_DAYS, deviations_of_sums
from attribution.costs.forecasting.intervals import LEVEL

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.costs.forecasting.log_trend import Weeks

#: Half a 90 % interval of the normal distribution, in standard deviations.
_NORMAL = 1.645
#: Sums that past forecasts are measured on, in weeks; and how many sums the model's own
#: word counts for.
MEASURED_WEEKS = (4, 13)
_OWN_WORD = 6.0
_NARROWEST, _WIDEST = 0.8, 3.0


@dataclass(frozen=True, eq=False, slots=True)
class PastSums:
    """Sums of so many weeks that were forecast from past origins, and came.

    Attributes
    ----------
    ends : ndarray, shape (sums,)
        Number of the day after each.
    missed : ndarray, shape (sums,)
        Error in logarithms, in standard deviations of what was thought of it.
    error_ratio : ndarray, shape (sums,)
        Absolute error relative to what came.
    """

    ends: NDArray[np.int64]
    missed: Floats
    error_ratio: Floats


def past_sums(
    weeks: Weeks,
    values: Floats,
    origins: Sequence[int],
    path: Floats,
    weeks_ahead: int,
) -> PastSums:
    """Return what a method said of past sums of so many weeks, and what came.

    Parameters
    ----------
    weeks : Weeks
        Of the series.
    values : ndarray, shape (days,)
        Money per day up to the last complete one.
    origins : sequence of int
        Past origins.
    path : ndarray, shape (origins, days ahead)
        What the method said from there.
    weeks_ahead : int
        How long the sums are.
    """
    begins, place = np.asarray(origins), weeks.place(origins)
    summed = np.concatenate([[0.0], np.cumsum(values)])
    ends = begins + weeks_ahead * WEEK_DAYS
    actual = summed[np.minimum(ends, len(values))] - summed[begins]
    expected = path[:, : weeks_ahead * WEEK_DAYS].sum(axis=1)
    is_known = (place >= weeks_ahead) & (ends <= len(values))
    is_known &= (actual > 0.0) & (expected > 0.0)
    ends, actual, expected = ends[is_known], actual[is_known], expected[is_known]
    deviations = deviations_of_sums(weeks.states, weeks_ahead)[place[is_known]]
    missed = np.log(actual / expected) / deviations
    return PastSums(ends, missed, np.abs(expected / actual - 1.0))


def widening_of(past: Mapping[int, PastSums]) -> float:
    """Return what sums of past forecasts missed by, of what the model thought."""
    squares, counted = _OWN_WORD, _OWN_WORD
    for ahead in MEASURED_WEEKS:
        missed = past[ahead].missed
        if not len(missed):
            continue
        independent = len(missed) / ahead
        squares += independent * float(np.mean(np.minimum(missed**2, 25.0)))
        counted += independent
    return float(np.clip(np.sqrt(squares / counted), _NARROWEST, _WIDEST))


@dataclass(frozen=True, slots=True)
class PastLandings:
    """How a method did on sums of so many weeks that had no say in choosing it.

    Attributes
    ----------
    weeks : int
        How long the sums are.
    count : int
        How many were forecast and have come.
    error_ratio : float
        Mean absolute error, relative to what came.
    coverage_ratio : float
        Part of them inside the 90 % interval of their origin, so many times as wide.
    unwidened_ratio : float
        Part of them inside that interval as it was first made.
    widening : float
        How many times as wide intervals are so that nine in ten held.
    """

    weeks: int
    count: int
    error_ratio: float
    coverage_ratio: float
    unwidened_ratio: float
    widening: float


def past_landings(
    past: PastSums, weeks_ahead: int, measuring: int
) -> PastLandings | None:
    """Return how past sums did, and how wide an interval holds nine in ten of them.

    Each interval is the one that would have been given at its origin: from what sums of
    the same length had missed by then. Sums before the first origin that measures,
    which chose the method, are left out. How far the others lay, in half widths, is
    sorted as errors of split conformal prediction are: of n of them the one at
    0.9 (n + 1), of fewer than nine the farthest.

    Parameters
    ----------
    past : PastSums
        Of all origins.
    weeks_ahead : int
        How long they are.
    measuring : int
        The first origin that had no say in choosing the method.
    """
    begins = past.ends - weeks_ahead * WEEK_DAYS
    was_known = past.ends[None, :] <= begins[:, None]
    squares = np.minimum(past.missed**2, 25.0)
    independent = was_known.sum(axis=1) / weeks_ahead
    total = _OWN_WORD + (was_known * squares).sum(axis=1) / weeks_ahead
    known = np.sqrt(total / (_OWN_WORD + independent))
    half = _NORMAL * np.clip(known, _NARROWEST, _WIDEST)
    measures = begins >= measuring
    if not measures.any():
        return None
    scores = np.sort(np.abs(past.missed[measures]) / half[measures])
    rank = min(len(scores), int(np.ceil((len(scores) + 1) * LEVEL)))
    widening = max(float(scores[rank - 1]), 1.0)
    return PastLandings(
        weeks_ahead,
        len(scores),
        float(past.error_ratio[measures].mean()),
        float(np.mean(scores <= widening)),
        float(np.mean(scores <= 1.0)),
        widening,
    )
