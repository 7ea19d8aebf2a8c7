"""A forecast of every series of a hierarchy, in which the parts add up to the total.

Each series gets the method that was least wrong in its back-test. Then parts and total
are reconciled by weighted least squares (Wickramasuriya et al. 2019, with the diagonal
of the error variances): the better knowledge of the total's forecast is given to the
parts in proportion to how uncertain each is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.forecasting.backtest import (
    back_test,
    choose,
    level_before,
    training_days,
)
from attribution.costs.forecasting.growth import WEEK_DAYS
from attribution.costs.forecasting.intervals import Widths, coverage, widths
from attribution.costs.forecasting.landing_bands import (
    Band,
    band_of_bursts,
    band_of_growth,
)
from attribution.costs.forecasting.log_trend import LogTrend, MeanWeek
from attribution.costs.forecasting.past_sums import (
    MEASURED_WEEKS,
    past_landings,
    past_sums,
)
from attribution.costs.forecasting.stopping import may_return, stopped_days

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.arrays import Floats
    from attribution.costs.forecasting.backtest import BackTest
    from attribution.costs.forecasting.log_trend import Weeks
    from attribution.costs.forecasting.past_sums import PastLandings, PastSums

NAIVE = "seasonal_naive"
#: Without a week of days there is no last week to repeat.
MINIMUM_DAYS = WEEK_DAYS
#: The largest parts choose among all methods, the rest among those without parameters:
#: a forecast of two hundred models must not hold up a build.
ESTIMATED_PARTS = 20
#: A day may cost so many times the most that a day ever did; and no error is relative
#: to nothing.
_LARGEST, _LEAST_LEVEL = 2.0, 1e-9
#: Sums that are measured on the past, in weeks.
_PAST_WEEKS = sorted({1, 2, 8, *MEASURED_WEEKS})
#: Half a 90 % interval of the normal distribution, in standard deviations.
_NORMAL = 1.645


@dataclass(frozen=True, slots=True)
class Quality:
    """Performance of a method on days that had no part in choosing it.

    Attributes
    ----------
    origin_count : int
        Origins of the back-test; 0 where the history was too short for it.
    error_ratio, naive_error_ratio : float or None
        Mean absolute error of the method, and of repeating last week, relative to
        the typical size of a day.
    coverage_ratio : float or None
        Part of held-out days inside their 90 % interval.
    """

    origin_count: int
    error_ratio: float | None = None
    naive_error_ratio: float | None = None
    coverage_ratio: float | None = None


@dataclass(frozen=True, slots=True)
class SeriesForecast:
    """Days ahead of a single series.

    Attributes
    ----------
    method : str
        Name of the candidate.
    days : ndarray, shape (horizon,)
        Money per day.
    level : float
        Typical size of a day, which widths of days are relative to.
    widths : Widths or None
        ``None`` where the history is too short to know errors of days.
    band : Band or None
        Of sums of the first days; ``None`` where a series turns negative.
    largest : float
        No day costs more: twice the most that a day ever did, or is expected to.
    least : float
        No day costs less: nothing, unless the series has been negative.
    variance : float
        Mean squared error of the back-test; how uncertain the series is.
    quality : Quality
        Measured quality.
    parameters : mapping of str to ndarray
        Parameters estimated on the first days, by method.
    fees : ndarray, shape (horizon,), or None
        Fees on their days of a month, on top of the days.
    fee_spread, fee_error : float
        Standard deviation of a single fee, and of the expectation of all.
    at_most_when_back : float or None
        Most that a day costs if the series has stopped and comes back; ``None`` where
        it has not stopped.
    past_landings : tuple of PastLandings
        By their length, the shorter first; empty without a back-test.
    """

    method: str
    days: Floats
    level: float
    widths: Widths | None
    variance: float
    quality: Quality
    band: Band | None = None
    largest: float = np.inf
    least: float = -np.inf
    parameters: Mapping[str, Floats] = field(default_factory=dict)
    fees: Floats | None = None
    fee_spread: float = 0.0
    fee_error: float = 0.0
    at_most_when_back: float | None = None
    past_landings: tuple[PastLandings, ...] = ()

    def past_landing(self, day_count: int) -> PastLandings | None:
        """Return how sums did that are about as long: the longest no longer."""
        if not self.past_landings:
            return None
        known = [
            landing
            for landing in self.past_landings
            if landing.weeks * WEEK_DAYS <= day_count
        ]
        return known[-1] if known else self.past_landings[0]

    @property
    def whole_days(self) -> Floats:
        """Money per day, with the fees."""
        return self.days if self.fees is None else self.days + self.fees

    def day_interval(self, days_ahead: int) -> tuple[float | None, float | None]:
        """Return the 90 % interval of a day."""
        if self.at_most_when_back is not None:
            return 0.0, self.at_most_when_back
        if self.widths is None:
            return None, None
        half = self.widths.day(days_ahead) * self.level
        centre = float(self.days[days_ahead - 1])
        if not isfinite(half):
            return None, None
        fee = self._fees(slice(days_ahead - 1, days_ahead))
        ends = self._possible(centre - half, centre + half, 1)
        return _with_fees(centre, ends, *fee)

    def total(self, day_count: int, before: int = 0) -> float:
        """Return the sum of the first days, without some at their beginning."""
        return float(np.sum(self.whole_days[before:day_count]))

    def total_interval(
        self, day_count: int, before: int = 0
    ) -> tuple[float | None, float | None]:
        """Return the 90 % interval of that sum."""
        days = slice(before, day_count)
        count = day_count - before
        if self.at_most_when_back is not None:
            return 0.0, self.at_most_when_back * count
        if self.band is None:
            return None, None
        centre = float(np.sum(self.days[days]))
        past = self.past_landing(day_count)
        widening = 1.0 if past is None else past.widening
        ends = self._possible(*self.band.around(centre, day_count, widening), count)
        return _with_fees(centre, ends, *self._fees(days))

    def _fees(self, days: slice) -> tuple[float, float]:
        """Return the fees of some days, and half their 90 % interval."""
        count = 0 if self.fees is None else np.count_nonzero(self.fees[days])
        if self.fees is None or not count:
            return 0.0, 0.0  # as most days
        fees = self.fees[days]
        deviation = np.hypot(self.fee_spread * np.sqrt(count), self.fee_error * count)
        return float(fees.sum()), float(_NORMAL * deviation)

    def _possible(self, low: float, high: float, days: int) -> tuple[float, float]:
        """Return an interval without the impossible costs of so many days."""
        return max(low, days * self.least), min(high, days * self.largest)


def _with_fees(
    centre: float, ends: tuple[float, float], fees: float, half: float
) -> tuple[float, float]:
    """Return an interval with fees that vary for themselves."""
    low, high = ends
    return (
        centre + fees - float(np.hypot(centre - low, min(half, fees))),
        centre + fees + float(np.hypot(high - centre, half)),
    )


@dataclass(frozen=True, eq=False, slots=True)
class Asked:
    """A series that is to be forecast.

    Attributes
    ----------
    values : ndarray, shape (days,)
        Money per day up to the last complete day, without gaps, at least a week.
    horizon : int
        Days ahead.
    with_estimates : bool
        True if methods with parameters to estimate are among the candidates.
    parameters : mapping of str to ndarray
        Parameters estimated on the same first days before, by method.
    """

    values: Floats
    horizon: int
    with_estimates: bool = True
    parameters: Mapping[str, Floats] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A text that differs whenever the forecast may."""
        found = hashlib.sha256(f"{self.horizon}|{self.with_estimates}|".encode())
        found.update(np.ascontiguousarray(self.values).tobytes())
        return found.hexdigest()

    @property
    def training_digest(self) -> str:
        """Return a text that differs whenever the estimates may."""
        days = np.ascontiguousarray(training_days(self.values))
        return hashlib.sha256(days.tobytes()).hexdigest()


def forecast_series(asked: Asked) -> SeriesForecast:
    """Forecast a series by the method that its back-test chose."""
    values = asked.values
    test = back_test(
        values,
        ahead_days=asked.horizon,
        with_estimates=asked.with_estimates,
        parameters=asked.parameters,
    )
    found = _young(asked) if test is None else _tested(asked, test)
    if pause := stopped_days(values):
        found = _stopped(found, asked, pause)
    least = 0.0 if values.min() >= 0.0 else -np.inf
    days = np.maximum(found.days, least)
    largest = _LARGEST * max(float(np.max(np.abs(values))), float(np.max(days)))
    return replace(found, days=days, least=least, largest=largest)


def _stopped(forecast: SeriesForecast, asked: Asked, pause: int) -> SeriesForecast:
    """Expect nothing of a stopped series, at most its cost if it returns."""
    at_most = 0.0
    before = asked.values[:-pause]
    if may_return(pause) and len(before) >= WEEK_DAYS:
        as_it_was = _young(replace(asked, values=before))
        _, high = as_it_was.total_interval(asked.horizon)
        at_most = (high or 0.0) / asked.horizon
    return replace(
        forecast,
        days=np.zeros(asked.horizon),
        variance=0.0,
        at_most_when_back=at_most,
    )


def _young(asked: Asked) -> SeriesForecast:
    """Forecast a series too young for a back-test by its growth so far."""
    values, horizon = asked.values, asked.horizon
    growth, end = LogTrend(), (len(values),)
    try:
        days, name = growth.paths(values, end, horizon)[0], "log_trend"
    except ValueError:
        days, name = MeanWeek().paths(values, end, horizon)[0], "mean_week"
    return SeriesForecast(
        method=name,
        days=days,
        level=level_before(values, len(values)),
        widths=None,
        variance=float(np.var(values[-4 * WEEK_DAYS :])),
        quality=Quality(0),
        band=_band(asked, growth.weeks, None),
    )


def _tested(asked: Asked, test: BackTest) -> SeriesForecast:
    """Forecast by the method that was least wrong, with its errors."""
    values, method = asked.values, choose(test)
    path = test.paths[method]
    typical = max(float(np.mean(test.level[test.measuring])), _LEAST_LEVEL)
    errors = (test.actual - path)[test.choosing]
    growth = test.candidates.get("log_trend")
    weeks = growth.weeks if isinstance(growth, LogTrend) else None
    past = {
        length: past_sums(weeks, values, test.origins, path, length)
        for length in _PAST_WEEKS
        if weeks is not None
    }
    since = test.origins[test.measuring][0]
    landings = (past_landings(sums, length, since) for length, sums in past.items())
    return SeriesForecast(
        method=method,
        days=test.ahead[method],
        level=level_before(values, len(values)),
        widths=widths(test, path),
        variance=float(np.nanmean(errors**2)),
        quality=Quality(
            origin_count=len(test.origins),
            error_ratio=test.mean_absolute_error(path, test.measuring) / typical,
            naive_error_ratio=test.mean_absolute_error(
                test.paths[NAIVE], test.measuring
            )
            / typical,
            coverage_ratio=coverage(test, path),
        ),
        band=_band(asked, weeks, past),
        parameters=test.parameters,
        past_landings=tuple(filter(None, landings)),
    )


def _band(
    asked: Asked, weeks: Weeks | None, past: Mapping[int, PastSums] | None
) -> Band | None:
    """Return how far sums may lie from their expectation."""
    if asked.values.min() < 0.0 and weeks is None:
        return None
    if weeks is None:
        return band_of_bursts(asked.values, asked.horizon)
    return band_of_growth(weeks, asked.horizon, past)


def asked_of(
    parts: Mapping[str, Floats], horizon: int
) -> tuple[dict[str, Asked], Asked]:
    """Return the forecast requests of some parts, and of their total.

    Parameters
    ----------
    parts : mapping of str to ndarray, shape (days,)
        Series that end on the same day; a shorter series began later. Beyond the
        :data:`ESTIMATED_PARTS` largest, only plain methods are tried.
    horizon : int
        Days ahead.

    Returns
    -------
    tuple of (dict, Asked)
        Each part, and the total.
    """
    longest = max(len(values) for values in parts.values())
    summed = np.zeros(longest)
    for values in parts.values():
        summed[longest - len(values) :] += values
    largest = _largest(parts)
    own = {
        name: Asked(values, horizon, with_estimates=name in largest)
        for name, values in parts.items()
    }
    return own, Asked(summed, horizon)


def together(
    own: Mapping[str, SeriesForecast], total: SeriesForecast
) -> tuple[dict[str, SeriesForecast], SeriesForecast]:
    """Return parts and their total, moved so that the parts add up to it.

    A part that cannot be negative is not moved below nothing.
    """
    reconciled = {
        name: replace(part, days=np.maximum(part.days, part.least))
        for name, part in reconcile(own, total).items()
    }
    days = np.sum([part.days for part in reconciled.values()], axis=0)
    return reconciled, replace(total, days=days)


def reconcile(
    parts: Mapping[str, SeriesForecast], total: SeriesForecast
) -> dict[str, SeriesForecast]:
    """Return the parts, moved towards the total by their share of the uncertainty."""
    gap = total.days - np.sum([part.days for part in parts.values()], axis=0)
    whole = sum(part.variance for part in parts.values()) + total.variance
    if whole <= 0.0:
        return dict(parts)
    return {
        name: replace(part, days=part.days + part.variance / whole * gap)
        for name, part in parts.items()
    }


def _largest(parts: Mapping[str, Floats]) -> set[str]:
    levels = {name: level_before(part, len(part)) for name, part in parts.items()}
    return set(sorted(parts, key=lambda name: (-levels[name], name))[:ESTIMATED_PARTS])
