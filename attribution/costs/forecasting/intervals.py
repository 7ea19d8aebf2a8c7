"""Intervals from the errors that were made, and how often they held.

Split conformal prediction (Vovk et al. 2005; Lei et al. 2018) over rolling origins: the
half width at a horizon is the quantile of the absolute errors there, relative to the
size of the series, with the correction for a finite sample. No distribution is assumed.
Errors of neighbouring days are pooled, for a single day has few. Sums of days have
separate bands (:mod:`attribution.costs.forecasting.landing_bands`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from attribution.costs.forecasting.backtest import DAILY_REACH_DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.costs.forecasting.backtest import BackTest

LEVEL = 0.90
_NEIGHBOUR_DAYS = 3
#: Errors of older origins are forgotten: half a year of weeks.
RECENT_ORIGINS = 26
#: Fewer errors than this give no quantile of that level, however large they are.
_MINIMUM_ERRORS = 19


@dataclass(frozen=True, slots=True)
class Widths:
    """Half widths of intervals, relative to the level of the series.

    Attributes
    ----------
    daily : ndarray, shape (horizon,)
        Of each day ahead; NaN where too few errors are known.
    """

    daily: Floats

    def day(self, days_ahead: int) -> float:
        """Return the half width of a day; beyond the back-test it grows as its root."""
        reach = len(self.daily)
        if days_ahead <= reach:
            return float(self.daily[days_ahead - 1])
        return float(self.daily[-1] * np.sqrt(days_ahead / reach))


def widths(test: BackTest, path: Floats) -> Widths:
    """Return half widths from all errors of a back-test.

    Parameters
    ----------
    test : BackTest
        Origins and actual values.
    path : ndarray, shape (origins, horizon)
        Forecasts of the method.
    """
    return Widths(_pooled(_relative_errors(test, path)[-RECENT_ORIGINS:]))


def coverage(test: BackTest, path: Floats) -> float | None:
    """Return the part of held-out days that the interval of their origin held.

    For each origin that measures, the interval is that which would have been given
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


def _pooled_by_then(test: BackTest, path: Floats, part: slice) -> Floats:
    """Return half widths from the errors known at each origin of a part.

    As :func:`_pooled` of just those errors, but sorted once for all origins.
    """
    absolute = np.abs(_relative_errors(test, path))
    origins = np.asarray(test.origins, dtype=np.float64)
    horizon = absolute.shape[1]
    came = origins[:, None] + np.arange(1, horizon + 1)
    began = np.broadcast_to(origins[:, None], came.shape)
    errors = _near(absolute)
    order = np.argsort(errors, axis=1)
    errors, came, began = (
        np.take_along_axis(values, order, axis=1)
        for values in (errors, _near(came), _near(began))
    )
    oldest = origins[np.maximum(np.arange(len(origins)) - RECENT_ORIGINS, 0)]
    is_known = came <= origins[part, None, None]
    is_known &= began >= oldest[part, None, None]
    is_known &= np.isfinite(errors)
    seen = np.cumsum(is_known, axis=2, dtype=np.int16)
    count = seen[:, :, -1].astype(np.int64)
    place = np.argmax(seen >= _rank(count)[:, :, None], axis=2)
    quantile = errors[np.arange(horizon), place]
    return np.asarray(np.where(count >= _MINIMUM_ERRORS, quantile, np.nan))


def _relative_errors(test: BackTest, path: Floats) -> Floats:
    """Return errors of days; NaN where nothing was known that they are relative to."""
    missed = (test.actual - path)[:, :DAILY_REACH_DAYS]
    known = np.where(test.level > 0.0, test.level, np.nan)
    errors: Floats = missed / known[:, None]
    return errors


def _pooled(errors: Floats) -> Floats:
    near = np.sort(_near(np.abs(errors)), axis=1)
    count = np.isfinite(near).sum(axis=1)
    quantile = np.take_along_axis(near, _rank(count)[:, None] - 1, axis=1)[:, 0]
    return np.asarray(np.where(count >= _MINIMUM_ERRORS, quantile, np.nan))


def _near(values: Floats) -> Floats:
    """Return the values of each day and those around it, shape (horizon, values).

    NaN, which is sorted last, represents days before the first and after the last.
    """
    edges = (0, 0), (_NEIGHBOUR_DAYS, _NEIGHBOUR_DAYS)
    padded = np.pad(values, edges, constant_values=np.nan)
    windows = sliding_window_view(padded, 2 * _NEIGHBOUR_DAYS + 1, axis=1)
    return np.moveaxis(windows, 0, 1).reshape(values.shape[1], -1)


def _rank(count: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return which of so many errors in order is their quantile, the first being 1."""
    rank = np.ceil((count + 1) * LEVEL).astype(np.int64)
    return np.asarray(np.minimum(count, rank))
