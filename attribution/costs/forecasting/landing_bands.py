"""Possible deviation of the sum of many days from its expectation.

A sum is not the sum of its days' intervals: growth that is not known adds up. So paths
of weeks are drawn from all that level and growth may be, with the noise that weeks had,
and the ends of the interval are read off their sums. The errors of past forecasts of
such sums widen or narrow it (:mod:`attribution.costs.forecasting.past_sums`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.forecasting.growth import WEEK_DAYS, drawn_logs
from attribution.costs.forecasting.log_trend import BURST_WEEKS
from attribution.costs.forecasting.past_sums import widening_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.arrays import Floats
    from attribution.costs.forecasting.log_trend import Weeks
    from attribution.costs.forecasting.past_sums import PastSums

_LOW, _HIGH = 0.05, 0.95
#: Values beyond these do not count in the mean.
_INNER = 0.01, 0.99
_DRAWS = 1_000
_SEED = 20_260_101
#: Fewer weeks than this have no separate noise: it is taken to be normal.
_LEAST_SURPRISES = 12


@dataclass(frozen=True, eq=False, slots=True)
class Band:
    """The 90 % interval of the first days' sum, relative to expectation.

    Attributes
    ----------
    low, high : ndarray, shape (horizon,)
        Of the sum of so many days.
    """

    low: Floats
    high: Floats

    def around(
        self, expected: float, day_count: int, widening: float = 1.0
    ) -> tuple[float, float]:
        """Return the interval of the sum of so many days that is expected to be this.

        Beyond the last day it goes on as there. It is so many times as wide in
        logarithms.
        """
        place = max(min(day_count, len(self.low)), 1) - 1
        low, high = float(self.low[place]), float(self.high[place])
        ends = expected * min(low, low**widening), expected * max(high, high**widening)
        return min(ends), max(ends)


def band_of_growth(
    weeks: Weeks,
    horizon: int,
    past: Mapping[int, PastSums] | None,
) -> Band:
    """Return the band of a series with level and growth of weekly sums.

    Parameters
    ----------
    weeks : Weeks
        Of the series.
    horizon : int
        Days ahead.
    past : mapping of int to PastSums
        Forecasts of past sums by the chosen method, by their length in weeks, those of
        :mod:`attribution.costs.forecasting.past_sums` among them; ``None`` without a
        back-test.
    """
    rng = np.random.default_rng(_SEED)
    widening = 1.0 if past is None else widening_of(past)
    shape = _DRAWS, -(-horizon // WEEK_DAYS)
    levels, noise = drawn_logs(weeks.states, shape[1], _DRAWS, rng)
    centre = np.median(levels, axis=0)
    levels = centre + widening * (levels - centre)
    noise = widening * noise
    sums = np.exp(levels + noise[:, None] * _noise(weeks, shape, rng))
    return _at_days(sums, noise, horizon, rng)


def band_of_bursts(values: Floats, horizon: int) -> Band:
    """Return the band of a series that is often at nothing: of weeks drawn again.

    Each week of the past is as likely as a Bayesian bootstrap (Rubin 1981) holds it.
    """
    rng = np.random.default_rng(_SEED)
    weeks_ahead = -(-horizon // WEEK_DAYS)
    count = max(min(len(values) // WEEK_DAYS, BURST_WEEKS), 1)
    past = values[-count * WEEK_DAYS :].reshape(count, -1).sum(axis=1)
    weight = np.cumsum(rng.exponential(size=(_DRAWS, count)), axis=1)
    at = rng.random((_DRAWS, weeks_ahead)) * weight[:, -1:]
    chosen = (at[:, :, None] > weight[:, None, :]).sum(axis=2)
    return _at_days(past[chosen], np.zeros(_DRAWS), horizon, rng)


def _noise(weeks: Weeks, shape: tuple[int, ...], rng: np.random.Generator) -> Floats:
    """Draw how far weeks are from their level, in standard deviations."""
    surprise = weeks.states.surprise
    known = surprise[np.isfinite(surprise)]
    if len(known) < _LEAST_SURPRISES or np.std(known) <= 0.0:
        return rng.normal(size=shape)
    return np.asarray(rng.choice((known - known.mean()) / known.std(), size=shape))


def _at_days(
    sums: Floats, noise: Floats, horizon: int, rng: np.random.Generator
) -> Band:
    """Return the band of every count of days from draws of whole weeks."""
    weeks = np.ascontiguousarray(sums.T)
    summed = np.concatenate([np.zeros((1, len(sums))), np.cumsum(weeks, axis=0)])
    knots = sorted({1, 2, 4, *range(WEEK_DAYS, horizon + 1, WEEK_DAYS), horizon})
    totals = np.empty((len(knots), len(sums)))
    for place, day in enumerate(knots):
        whole, rest = divmod(day, WEEK_DAYS)
        totals[place] = summed[whole]
        if rest:
            more = noise * np.sqrt(WEEK_DAYS / rest - 1.0) * rng.normal(size=len(sums))
            totals[place] += weeks[whole] * rest / WEEK_DAYS * np.exp(more)
    low, high = _ends(totals)
    days = np.arange(1, horizon + 1)
    return Band(np.interp(days, knots, low), np.interp(days, knots, high))


def _ends(totals: Floats) -> tuple[Floats, Floats]:
    """Return the interval ends of each row relative to the mean of draws."""
    low, least, most, high = np.quantile(totals, (_LOW, *_INNER, _HIGH), axis=1)
    mean = np.mean(np.clip(totals, least[:, None], most[:, None]), axis=1)
    is_there = mean > 0.0
    mean = np.where(is_there, mean, 1.0)
    return np.where(is_there, low / mean, 0.0), np.where(is_there, high / mean, 1.0)
