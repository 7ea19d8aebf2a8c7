"""Intervals from the errors that were made, and how often they held.

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018) over rolling origins:
the half width at a horizon is the quantile of the absolute errors there, relative to
the size of the series, with the correction for a finite sample. No distribution is
assumed. Errors of neighbouring days are pooled, for a single one has few. Sums of days
have bands of their own (:mod:`attribution.costs.forecasting.landing_bands`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.forecasting.backtest import DAILY_REACH_DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.costs.forecasting.backtest import BackTest

    Series = NDArray[np.float64]

LEVEL = 0.90
_NEIGHBOUR_DAYS = 3
#: Errors of older origins are forgotten: half a year of weeks.
RECENT_ORIGINS = 26
#: Fewer errors than this give no quantile of that level, whatever they are.
_MINIMUM_ERRORS = 19


@dataclass(frozen=True, slots=True)
class Widths:
    """Half widths of intervals, relative to the level of the series.

    Attributes
    ----------
    daily : ndarray, shape (horizon,)
        Of each day ahead; NaN where too few errors are known.
    """

    daily: Series

    def day(self, days_ahead: int) -> float:
        """Return the half width of a day; beyond the back-test it grows as its root."""
        reach = len(self.daily)
        if days_ahead <= reach:
            return float(self.daily[days_ahead - 1])
        return float(self.daily[-1] * np.sqrt(days_ahead / reach))


def widths(test: BackTest, path: Series) -> Widths:
    """Return half widths from all errors of a back-test.

    Parameters
    ----------
    test : BackTest
        Origins and what came.
    path : ndarray, shape (origins, horizon)
        What the method said.
    """
    return Widths(_pooled(_relative_errors(test, path)[-RECENT_ORIGINS:]))


def coverage(test: BackTest, path: Series) -> float | None:
    """Return the part of held-out days that the interval of their origin held.

    For each origin that measures, the interval is the one that would have been given
    there: from the errors known by then.
    """
    part = test.measuring
    half = _pooled_by_then(test, path, part) * test.level[part][:, None]
    reach = DAILY_REACH_DAYS
    errors = np.abs(test.actual[part, :reach] - path[part, :reach])
    is_counted = np.isfinite(errors) & np.isfinite(half)
    held = int(np.sum(errors[is_counted] <= half[is_counted]))
    days = int(np.sum(is_counted))
    return held / days if days else None


def _pooled_by_then(test: BackTest, path: Series, part: slice) -> Series:
    """Return half widths from what was known at each origin of a part.

    As :func:`_pooled` of just those errors, but sorted once for all origins.
    """
    absolute = np.abs(_relative_errors(test, path))
    origins = np.asarray(test.origins)
    horizon = absolute.shape[1]
    came = origins[:, None] + np.arange(1, horizon + 1)
    places = np.arange(len(origins))
    oldest = origins[np.maximum(places - RECENT_ORIGINS, 0)]
    found = np.full((len(origins[part]), horizon), np.nan)
    for day in range(horizon):
        near = _neighbours(day)
        errors, when = absolute[:, near].ravel(), came[:, near].ravel()
        began = np.repeat(origins, came[:, near].shape[1])
        order = np.argsort(errors)[: int(np.sum(np.isfinite(errors)))]
        is_known = when[order] <= origins[part][:, None]
        is_known &= began[order] >= oldest[part][:, None]
        count = is_known.sum(axis=1)
        enough = np.flatnonzero(count >= _MINIMUM_ERRORS)
        seen = np.cumsum(is_known[enough], axis=1, dtype=np.int16)
        place = (seen < _rank(count[enough])[:, None]).sum(axis=1)
        found[enough, day] = errors[order][place]
    return found


def _relative_errors(test: BackTest, path: Series) -> Series:
    """Return errors of days; NaN where nothing was known that they are relative to."""
    missed = (test.actual - path)[:, :DAILY_REACH_DAYS]
    known = np.where(test.level > 0.0, test.level, np.nan)
    errors: Series = missed / known[:, None]
    return errors


def _pooled(errors: Series) -> Series:
    horizon = errors.shape[1]
    found = np.full(horizon, np.nan)
    for day in range(horizon):
        near = errors[:, _neighbours(day)]
        found[day] = _quantile(np.abs(near[np.isfinite(near)]))
    return found


def _neighbours(day: int) -> slice:
    return slice(max(0, day - _NEIGHBOUR_DAYS), day + _NEIGHBOUR_DAYS + 1)


def _rank(count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which of so many errors in order is their quantile, the first being 1."""
    rank = np.ceil((count + 1) * LEVEL).astype(np.int64)
    return np.asarray(np.minimum(count, rank))


def _quantile(absolute: Series) -> float:
    count = len(absolute)
    if count < _MINIMUM_ERRORS:
        return float("nan")
    rank = int(_rank(np.array(count)))
    return float(np.partition(absolute, rank - 1)[rank - 1])
