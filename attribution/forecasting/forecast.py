"""A forecast of every series of a hierarchy, in which the parts add up to the total.

Each series gets the method that was least wrong in its back-test. Then parts and
total are reconciled by weighted least squares (Wickramasuriya et al. 2019, with the
diagonal of the error variances): what the total's own forecast knows better is given
to the parts in proportion to how uncertain each is.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from attribution.forecasting.backtest import (
    back_test,
    choose,
    level_before,
    training_days,
)
from attribution.forecasting.candidates import WEEK_DAYS, SeasonalNaive
from attribution.forecasting.intervals import Widths, coverage, widths

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    Series = NDArray[np.float64]

NAIVE = "seasonal_naive"
#: Without a week of days there is no last week to repeat.
MINIMUM_DAYS = WEEK_DAYS
#: The largest parts choose among all methods, the rest among those without parameters:
#: a forecast of two hundred models must not hold up a build.
ESTIMATED_PARTS = 20


@dataclass(frozen=True, slots=True)
class Quality:
    """How a method did on days that had no say in choosing it.

    Attributes
    ----------
    origin_count : int
        Origins of the back-test; 0 where the history was too short for one.
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
    """The days ahead of one series.

    Attributes
    ----------
    method : str
        Name of the candidate.
    days : ndarray, shape (horizon,)
        Money per day.
    level : float
        Typical size of a day, which widths are relative to.
    widths : Widths or None
        ``None`` where the history is too short to know errors.
    variance : float
        Mean squared error of the back-test; how uncertain the series is.
    quality : Quality
        What was measured.
    parameters : mapping of str to ndarray
        What was estimated on the first days, by method.
    """

    method: str
    days: Series
    level: float
    widths: Widths | None
    variance: float
    quality: Quality
    parameters: Mapping[str, Series] = field(default_factory=dict)

    def day_interval(self, days_ahead: int) -> tuple[float | None, float | None]:
        """Return the 90 % interval of a day."""
        if self.widths is None:
            return None, None
        half = self.widths.day(days_ahead) * self.level
        return _around(float(self.days[days_ahead - 1]), half)

    def total(self, day_count: int) -> float:
        """Return the sum of the first days."""
        return float(np.sum(self.days[:day_count]))

    def total_interval(self, day_count: int) -> tuple[float | None, float | None]:
        """Return the 90 % interval of the sum of the first days."""
        if self.widths is None:
            return None, None
        return _around(self.total(day_count), self.widths.total(day_count) * self.level)


@dataclass(frozen=True, eq=False, slots=True)
class Asked:
    """A series that is to be forecast.

    Attributes
    ----------
    values : ndarray, shape (days,)
        Money per day up to the last complete one, without gaps, at least a week.
    horizon : int
        Days ahead.
    with_estimates : bool
        Whether methods with parameters to estimate are among the candidates.
    parameters : mapping of str to ndarray
        What was estimated on the same first days before, by method.
    """

    values: Series
    horizon: int
    with_estimates: bool = True
    parameters: Mapping[str, Series] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """A text that differs whenever the forecast may."""
        found = hashlib.sha256(f"{self.horizon}|{self.with_estimates}|".encode())
        found.update(np.ascontiguousarray(self.values).tobytes())
        return found.hexdigest()

    @property
    def training_digest(self) -> str:
        """A text that differs whenever what is estimated may."""
        days = np.ascontiguousarray(training_days(self.values))
        return hashlib.sha256(days.tobytes()).hexdigest()


def forecast_series(asked: Asked) -> SeriesForecast:
    """Forecast one series by the method that its back-test chose."""
    values, horizon = asked.values, asked.horizon
    level = level_before(values, len(values))
    test = back_test(
        values, with_estimates=asked.with_estimates, parameters=asked.parameters
    )
    if test is None or NAIVE not in test.paths:
        days = SeasonalNaive().paths(values, (len(values),), horizon)[0]
        spread = float(np.var(values[-4 * WEEK_DAYS :]))
        return SeriesForecast(NAIVE, days, level, None, spread, Quality(0))
    method = choose(test)
    path = test.paths[method]
    typical = float(np.mean(test.level[test.measuring]))
    errors = (test.actual - path)[test.choosing]
    return SeriesForecast(
        method=method,
        days=test.candidates[method].paths(values, (len(values),), horizon)[0],
        level=level,
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
        parameters=test.parameters,
    )


def asked_of(
    parts: Mapping[str, Series], horizon: int
) -> tuple[dict[str, Asked], Asked]:
    """Return what is to be forecast of some parts, and of their total.

    Parameters
    ----------
    parts : mapping of str to ndarray, shape (days,)
        Series that end on the same day; a shorter one began later. Beyond the
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
    """Return parts and their total, moved so that the parts add up to it."""
    reconciled = reconcile(own, total)
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


def _largest(parts: Mapping[str, Series]) -> set[str]:
    levels = {name: level_before(part, len(part)) for name, part in parts.items()}
    return set(sorted(parts, key=lambda name: (-levels[name], name))[:ESTIMATED_PARTS])


def _around(centre: float, half: float) -> tuple[float | None, float | None]:
    if not np.isfinite(half):
        return None, None
    return centre - half, centre + half


__all__ = [
    "MINIMUM_DAYS",
    "NAIVE",
    "Asked",
    "Quality",
    "SeriesForecast",
    "asked_of",
    "forecast_series",
    "reconcile",
    "together",
]
