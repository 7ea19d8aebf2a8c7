"""Rolling origins: what each candidate would have said, and how wrong it was.

Origins in the first part of the history choose the method; the later ones, which had
no say in the choice, measure it. The last days before each origin are all a method
may see (Tashman 2000, out-of-sample tests of forecasting accuracy).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.forecasting.candidates import (
    WEEK_DAYS,
    StateSpace,
    fitted_candidates,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from attribution.forecasting.candidates import Candidate

    Series = NDArray[np.float64]

#: A first origin needs this many days behind it, eight weeks of every weekday.
TRAINING_DAYS = 56
#: Days between origins: no multiple of a week, so that every weekday begins a path.
ORIGIN_STEP_DAYS = 3
#: How far a path of the back-test goes: a month, whatever month it is.
HORIZON_DAYS = 31
#: Older days say little about how wrong a forecast will be.
MAXIMUM_ORIGINS = 90
_LEVEL_DAYS = 28


@dataclass(frozen=True, slots=True)
class BackTest:
    """Forecasts and what came, from every origin.

    Attributes
    ----------
    origins : tuple of int
        How many days were known.
    actual : ndarray, shape (origins, horizon)
        What came; NaN beyond the last day.
    paths : mapping of str to ndarray, shape (origins, horizon)
        What each candidate said.
    level : ndarray, shape (origins,)
        Typical size of a day before each origin, which errors are set in relation to.
    candidates : mapping of str to Candidate
        The fitted methods.
    """

    origins: tuple[int, ...]
    actual: Series
    paths: dict[str, Series]
    level: Series
    candidates: dict[str, Candidate]

    @property
    def choosing(self) -> slice:
        """The origins that choose: the earlier half."""
        return slice(0, max(1, len(self.origins) // 2))

    @property
    def measuring(self) -> slice:
        """The origins that measure: the later half, none of them among the others."""
        return slice(max(1, len(self.origins) // 2), None)

    @property
    def parameters(self) -> dict[str, Series]:
        """What was estimated on the first days, by method."""
        return {
            name: candidate.parameters
            for name, candidate in self.candidates.items()
            if isinstance(candidate, StateSpace)
        }

    def mean_absolute_error(self, path: Series, part: slice) -> float:
        """Return the mean absolute error of a part's days that have come."""
        return float(np.nanmean(np.abs(path[part] - self.actual[part])))


def back_test(
    values: Series,
    *,
    horizon: int = HORIZON_DAYS,
    with_estimates: bool = True,
    parameters: Mapping[str, Series] | None = None,
) -> BackTest | None:
    """Let every candidate forecast a series from its past origins.

    Parameters
    ----------
    values : ndarray, shape (days,)
        Money per day, without gaps.
    horizon : int
        Days ahead.
    with_estimates : bool
        Whether methods with parameters to estimate are among the candidates.
    parameters : mapping of str to ndarray, optional
        What was estimated on the same :func:`training_days` before, by method.

    Returns
    -------
    BackTest or None
        ``None`` where the history is too short for one origin that chooses and one
        that measures.
    """
    origins = _origins(len(values) - WEEK_DAYS)
    if len(origins) < 2:  # noqa: PLR2004  (one chooses, one measures)
        return None
    candidates = fitted_candidates(
        values[: origins[0]], with_estimates=with_estimates, parameters=parameters
    )
    paths = {
        name: candidate.paths(values, origins, horizon)
        for name, candidate in candidates.items()
    }
    return BackTest(
        origins=origins,
        actual=_actual(values, origins, horizon),
        paths={name: path for name, path in paths.items() if np.isfinite(path).all()},
        level=np.array([level_before(values, origin) for origin in origins]),
        candidates=candidates,
    )


def training_days(values: Series) -> Series:
    """Return the days that methods are estimated on; none without a back-test."""
    origins = _origins(len(values) - WEEK_DAYS)
    return values[: origins[0] if origins else 0]


def level_before(values: Series, origin: int) -> float:
    """Return the mean absolute amount of the four weeks before an origin, above 0."""
    recent = values[max(0, origin - _LEVEL_DAYS) : origin]
    return max(float(np.mean(np.abs(recent))), 1e-9)


def choose(test: BackTest) -> str:
    """Return the candidate that was least wrong on the origins that choose.

    The first of equals in the order of :data:`METHODS`: the simpler.
    """
    errors = {
        name: test.mean_absolute_error(path, test.choosing)
        for name, path in test.paths.items()
    }
    return min(errors, key=lambda name: (errors[name], list(errors).index(name)))


def _origins(last: int) -> tuple[int, ...]:
    if last < TRAINING_DAYS:
        return ()
    backwards = range(last, TRAINING_DAYS - 1, -ORIGIN_STEP_DAYS)
    return tuple(sorted(backwards[:MAXIMUM_ORIGINS]))


def _actual(values: Series, origins: tuple[int, ...], horizon: int) -> Series:
    padded = np.concatenate([values, np.full(horizon, np.nan)])
    return np.stack([padded[origin : origin + horizon] for origin in origins])


__all__ = [
    "HORIZON_DAYS",
    "ORIGIN_STEP_DAYS",
    "TRAINING_DAYS",
    "BackTest",
    "back_test",
    "choose",
    "level_before",
    "training_days",
]
