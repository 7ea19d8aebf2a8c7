"""Rolling origins: forecasts of each candidate, and their errors.

Origins in the first part of the history choose the method; the later origins, which had
no part in the choice, measure it. The last days before each origin are all a method may
see (Tashman 2000, out-of-sample tests of forecasting accuracy).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.forecasting.candidates import (
    NAIVE_METHODS,
    StateSpace,
    fitted_candidates,
)
from attribution.costs.forecasting.growth import WEEK_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attribution.arrays import Floats
    from attribution.costs.forecasting.candidates import Candidate

#: A first origin needs this many days behind it, eight weeks of every weekday.
TRAINING_DAYS = 56
#: Days between origins: whole weeks, which the growth of weekly sums is known after.
ORIGIN_STEP_DAYS = WEEK_DAYS
#: Length of a path of the back-test: a quarter.
HORIZON_DAYS = 13 * WEEK_DAYS
#: Days measured individually: a month, of any length.
DAILY_REACH_DAYS = 31
#: The sums that a method is chosen on: a month and a quarter, in whole weeks.
CHOOSING_DAYS = (4 * WEEK_DAYS, 13 * WEEK_DAYS)
#: Older days carry little information on the errors of a forecast.
MAXIMUM_ORIGINS = 52
_LEVEL_DAYS, _PAUSED_PART = 28, 10.0
#: Another method than growth must be wrong by less than this part.
_FAR_BETTER = 0.5


@dataclass(frozen=True, slots=True)
class BackTest:
    """Forecasts and actual values, from every origin.

    Attributes
    ----------
    origins : tuple of int
        Number of known days.
    actual : ndarray, shape (origins, horizon)
        Actual values; NaN beyond the last day.
    paths : mapping of str to ndarray, shape (origins, horizon)
        Forecasts of each candidate.
    level : ndarray, shape (origins,)
        Typical size of a day before each origin, which errors are set in relation to.
    candidates : mapping of str to Candidate
        The fitted methods.
    ahead : mapping of str to ndarray, shape (days ahead,)
        Forecasts of each candidate from the last day.
    """

    origins: tuple[int, ...]
    actual: Floats
    paths: dict[str, Floats]
    level: Floats
    candidates: dict[str, Candidate]
    ahead: dict[str, Floats]

    @property
    def choosing(self) -> slice:
        """The origins that choose: the earlier half."""
        return slice(0, max(1, len(self.origins) // 2))

    @property
    def measuring(self) -> slice:
        """The origins that measure: the later half, none of them among the others."""
        return slice(max(1, len(self.origins) // 2), None)

    @property
    def parameters(self) -> dict[str, Floats]:
        """Return the parameters estimated on the first days, by method."""
        return {
            name: candidate.parameters
            for name, candidate in self.candidates.items()
            if isinstance(candidate, StateSpace)
        }

    def mean_absolute_error(self, path: Floats, part: slice) -> float:
        """Return the mean absolute error of a part's days that have come."""
        reach = DAILY_REACH_DAYS
        missed = path[part, :reach] - self.actual[part, :reach]
        return float(np.nanmean(np.abs(missed)))

    def error_of_sums(self, path: Floats, part: slice) -> float:
        """Return by how much sums of a month and a quarter were missed, per day.

        Single days count where no such sum of the part has come.
        """
        missed = np.cumsum(path[part] - self.actual[part], axis=1)
        errors = [np.abs(missed[:, days - 1]) / days for days in CHOOSING_DAYS]
        known = [
            error[np.isfinite(error)].mean()
            for error in errors
            if np.isfinite(error).any()
        ]
        return float(np.mean(known)) if known else self.mean_absolute_error(path, part)


def back_test(
    values: Floats,
    *,
    ahead_days: int = 1,
    with_estimates: bool = True,
    parameters: Mapping[str, Floats] | None = None,
) -> BackTest | None:
    """Let every candidate forecast a series from its past origins, and from its end.

    Parameters
    ----------
    values : ndarray, shape (days,)
        Money per day, without gaps.
    ahead_days : int
        Days ahead of the last day.
    with_estimates : bool
        True if methods with parameters to estimate are among the candidates.
    parameters : mapping of str to ndarray, optional
        Parameters estimated on the same :func:`training_days` before, by method.

    Returns
    -------
    BackTest or None
        ``None`` where the history is too short for an origin that chooses and another
        that measures.
    """
    origins = _origins(len(values) - WEEK_DAYS)
    if len(origins) < 2:  # noqa: PLR2004  (one chooses, one measures)
        return None
    candidates = fitted_candidates(
        values[: origins[0]], with_estimates=with_estimates, parameters=parameters
    )
    paths = _paths(candidates, values, origins, max(HORIZON_DAYS, ahead_days))
    return BackTest(
        origins=origins,
        actual=_actual(values, origins),
        paths={name: path[:-1, :HORIZON_DAYS] for name, path in paths.items()},
        level=_levels_before(values, origins),
        candidates=candidates,
        ahead={name: path[-1, :ahead_days] for name, path in paths.items()},
    )


def _paths(
    candidates: Mapping[str, Candidate],
    values: Floats,
    origins: tuple[int, ...],
    horizon: int,
) -> dict[str, Floats]:
    """Return the forecasts of each candidate from each origin and the end.

    A candidate that cannot forecast this series is left out.
    """
    series: dict[str, Floats] = {}
    for name, candidate in candidates.items():
        try:
            path = candidate.paths(values, (*origins, len(values)), horizon)
        except ValueError:
            continue
        if np.isfinite(path).all():
            series[name] = path
    return series


def training_days(values: Floats) -> Floats:
    """Return the days that methods are estimated on; none without a back-test."""
    origins = _origins(len(values) - WEEK_DAYS)
    return values[: origins[0] if origins else 0]


def level_before(values: Floats, origin: int) -> float:
    """Return the mean absolute amount of the four weeks before an origin.

    At least a tenth of that of all days before it: a cost that pauses for a month has
    not become so small that its return is a thousand million times its size.
    """
    return float(_levels_before(values, (origin,))[0])


def _levels_before(values: Floats, origins: Sequence[int]) -> Floats:
    absolute = np.abs(values)
    recent = [
        np.add.reduce(absolute[max(origin - _LEVEL_DAYS, 0) : origin])
        / min(origin, _LEVEL_DAYS)
        for origin in origins
    ]
    whole = [np.add.reduce(absolute[:origin]) / origin for origin in origins]
    return np.asarray(np.maximum(recent, np.array(whole) / _PAUSED_PART))


def choose(test: BackTest) -> str:
    """Return the growth of weekly sums, unless another method's sums were far better.

    Errors of overlapping sums are few, however many the sums: the least of five is
    often luck, and then neither right nor honest about how wrong it may be. A cost that
    comes in bursts, which has no growth of weekly sums, is its mean week: the middle of
    such days is nothing, and least wrong day by day. A method that loses to a naive
    repetition of the last values is not taken.
    """
    if "log_trend" not in test.paths:
        return "mean_week"
    errors = {
        name: test.error_of_sums(path, test.choosing)
        for name, path in test.paths.items()
        if name != "mean_week"
    }
    errors["log_trend"] *= _FAR_BETTER
    chosen = min(errors, key=lambda name: errors[name])
    better = [name for name in NAIVE_METHODS if _is_better(test, name, chosen)]
    return min([*better, chosen], key=lambda name: _error_of_all_sums(test, name))


def _is_better(test: BackTest, name: str, chosen: str) -> bool:
    """Return whether a method's sums and days were less wrong in both halves."""
    return name in test.paths and all(
        error(test.paths[name], part) < error(test.paths[chosen], part)
        for error in (test.error_of_sums, test.mean_absolute_error)
        for part in (test.choosing, test.measuring)
    )


def _error_of_all_sums(test: BackTest, name: str) -> float:
    """Return by how much a method's sums of all origins were missed, per day."""
    return test.error_of_sums(test.paths[name], slice(None))


def _origins(last: int) -> tuple[int, ...]:
    if last < TRAINING_DAYS:
        return ()
    backwards = range(last, TRAINING_DAYS - 1, -ORIGIN_STEP_DAYS)
    return tuple(sorted(backwards[:MAXIMUM_ORIGINS]))


def _actual(values: Floats, origins: tuple[int, ...]) -> Floats:
    padded = np.concatenate([values, np.full(HORIZON_DAYS, np.nan)])
    return np.stack([padded[origin : origin + HORIZON_DAYS] for origin in origins])
