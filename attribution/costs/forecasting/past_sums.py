"""Errors of past forecasts of sums of weeks, and the widths they need.

A rolling origin on sums that are about as long as those that are shown. Their errors
widen or narrow the draws; then an interval is widened until nine in ten of the sums
that had no part in choosing the method lie inside theirs.
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
        Error in logarithms, in standard deviations of the forecast.
    error_ratio : ndarray, shape (sums,)
        Absolute error relative to the actual sum.
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
    """Return forecasts of past sums of so many weeks, and actual sums.

    Parameters
    ----------
    weeks : Weeks
        Of the series.
    values : ndarray, shape (days,)
        Money per day up to the last complete day.
    origins : sequence of int
        Past origins.
    path : ndarray, shape (origins, days ahead)
        Forecasts of the method from there.
    weeks_ahead : int
        Length of the sums.
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
    """Return errors of past forecasts of sums, relative to the model's."""
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
    """Performance of a method on sums that had no part in choosing it.

    Attributes
    ----------
    weeks : int
        Length of the sums.
    count : int
        Number that were forecast and have come.
    error_ratio : float
        Mean absolute error, relative to the actual sums.
    coverage_ratio : float
        Part of them inside the 90 % interval of their origin, so many times as wide.
    unwidened_ratio : float
        Part of them inside that interval as it was first made.
    widening : float
        Factor by which intervals are widened so that nine in ten held.
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

    Each interval is that which would have been given at its origin: from the errors of
    sums of the same length by then. Sums before the first origin that measures, which
    chose the method, are left out. The distances of the others, in half widths, are
    sorted as errors of split conformal prediction are: of n of them that at 0.9 (n +
    1), of fewer than nine the farthest.

    Parameters
    ----------
    past : PastSums
        Of all origins.
    weeks_ahead : int
        Their length.
    measuring : int
        The first origin that had no part in choosing the method.
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
