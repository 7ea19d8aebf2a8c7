"""The methods that a forecast is chosen from, each estimated on a series' past only.

A candidate is fitted once, on the days before the first origin of the back-test, and
then carried forward: its parameters stay, its state follows the days. So an error of
the back-test is an error that would have been made. The state space models are those of
statsmodels (Durbin and Koopman 2012; Hyndman et al. 2008 for the damped trend).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from attribution.costs.forecasting.growth import WEEK_DAYS
from attribution.costs.forecasting.log_trend import LogTrend, MeanWeek

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from attribution.arrays import Floats

#: Weeks of the month that is repeated, and of the median of a weekday.
_WEEKS_OF_MEDIAN = 4
_MAXIMUM_ITERATIONS = 60


class Candidate(Protocol):
    """A method with its parameters estimated."""

    def paths(self, values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        """Return forecasts from several origins.

        Parameters
        ----------
        values : ndarray, shape (days,)
            The series, in money per day; only ``values[:origin]`` may be looked at.
        origins : sequence of int
            Number of days known at each origin, ascending.
        horizon : int
            Days ahead.

        Returns
        -------
        ndarray, shape (origins, horizon)
        """
        ...


class SeasonalNaive:
    """Same weekday of the last week: the benchmark of any other method."""

    def paths(self, values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        """Return last week's days again and again."""
        starts = np.asarray(origins)[:, None] - WEEK_DAYS
        return np.asarray(values[starts + np.arange(horizon) % WEEK_DAYS])


class LastMonth:
    """Last four weeks again, which include any fortnightly cost."""

    def paths(self, values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        """Return the last four weeks again and again."""
        span = WEEK_DAYS * _WEEKS_OF_MEDIAN
        starts = np.asarray(origins)[:, None] - span
        return np.asarray(values[starts + np.arange(horizon) % span])


class WeekdayMedian:
    """The median of the last four of the same weekday: a day gone wrong is ignored."""

    def paths(self, values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        """Return four weeks' typical week again and again."""
        span = WEEK_DAYS * _WEEKS_OF_MEDIAN
        past = values[np.asarray(origins)[:, None] - span + np.arange(span)]
        weeks = np.median(past.reshape(len(origins), -1, WEEK_DAYS), axis=1)
        return np.asarray(weeks[:, np.arange(horizon) % WEEK_DAYS])


class StateSpace:
    """A model of statsmodels, its parameters estimated on the days of ``training``.

    Parameters
    ----------
    build : callable
        Makes the model of some days.
    training : ndarray, shape (days,)
        Days that the parameters are estimated on.
    parameters : ndarray, optional
        Parameters estimated on the same days before.
    """

    def __init__(
        self,
        build: Callable[[Floats], object],
        training: Floats,
        parameters: Floats | None = None,
    ) -> None:
        self._build = build
        self._scale = _scale(training)
        if parameters is None:
            parameters = _estimate(build(training / self._scale))
        self.parameters = parameters

    def paths(self, values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        """Filter the days once and predict from the state at each origin.

        The state that is predicted for a day rests on the days before it alone.
        """
        model = self._build(values[: origins[-1]] / self._scale)
        filtered = model.filter(  # type: ignore[attr-defined]
            self.parameters, cov_type="none"
        )
        return _predictions(filtered.filter_results, origins, horizon) * self._scale


def local_level(values: Floats) -> object:
    """Return a level that wanders, with a weekly season that may change."""
    from statsmodels.tsa.statespace.structural import (  # noqa: PLC0415  (slow to load)
        UnobservedComponents,
    )

    return UnobservedComponents(values, level="local level", seasonal=WEEK_DAYS)


def damped_trend(values: Floats) -> object:
    """Return Holt-Winters with an additive week and a trend that fades out."""
    from statsmodels.tsa.statespace.exponential_smoothing import (  # noqa: PLC0415
        ExponentialSmoothing,
    )

    # The initial state is read off the first days (Hyndman et al. 2008, section 2.6.1):
    # estimating eight more values takes four times as long and forecasts no better.
    return ExponentialSmoothing(
        values,
        trend=True,
        damped_trend=True,
        seasonal=WEEK_DAYS,
        initialization_method="heuristic",
    )


#: In the order in which a tie is decided: the simpler first.
METHODS: dict[str, Callable[[Floats, Floats | None], Candidate]] = {
    "seasonal_naive": lambda *_: SeasonalNaive(),
    "last_month": lambda *_: LastMonth(),
    "weekday_median": lambda *_: WeekdayMedian(),
    "mean_week": lambda *_: MeanWeek(),
    "log_trend": lambda *_: LogTrend(),
    "local_level": lambda costs, known: StateSpace(local_level, costs, known),
    "damped_trend": lambda costs, known: StateSpace(damped_trend, costs, known),
}

#: The methods that repeat the last values: any other has to beat them.
NAIVE_METHODS = ("seasonal_naive", "last_month")

#: The methods with estimated parameters: half a second for a year and a half.
ESTIMATED = frozenset({"local_level", "damped_trend"})


def fitted_candidates(
    training: Floats,
    *,
    with_estimates: bool = True,
    parameters: Mapping[str, Floats] | None = None,
) -> dict[str, Candidate]:
    """Return every candidate that can be estimated on a series' first days.

    A series that never changes has nothing to estimate: the two that need no estimate
    remain, and are right. They alone remain, too, where estimates are not requested.
    Parameters estimated on the same days before are not estimated again.
    """
    candidates: dict[str, Candidate] = {}
    can_estimate = with_estimates and float(np.ptp(training)) > 0.0
    for name, fit in METHODS.items():
        if name in ESTIMATED and not can_estimate:
            continue
        try:
            candidates[name] = fit(training, (parameters or {}).get(name))
        except (np.linalg.LinAlgError, ValueError):
            continue  # not a candidate for this series; the others are
    return candidates


def _predictions(results: Any, origins: Sequence[int], horizon: int) -> Floats:  # noqa: ANN401
    """Return observations that the states at some origins lead to.

    Both models are the same on every day, so their matrices are those of any.
    """
    states = results.predicted_state[:, list(origins)]
    predictions = np.empty((len(origins), horizon))
    for ahead in range(horizon):
        observed = results.design[:, :, -1] @ states + results.obs_intercept[:, -1:]
        predictions[:, ahead] = observed[0]
        states = results.transition[:, :, -1] @ states + results.state_intercept[:, -1:]
    return predictions


def _estimate(model: object) -> Floats:
    with warnings.catch_warnings():
        # A fit that stops early is a candidate like another: the back-test judges it.
        warnings.simplefilter("ignore")
        result = model.fit(  # type: ignore[attr-defined]
            disp=False, maxiter=_MAXIMUM_ITERATIONS, cov_type="none"
        )
    parameters = np.asarray(result.params, dtype=float)
    if not np.all(np.isfinite(parameters)):
        raise ValueError("The estimate did not converge to finite parameters.")
    return parameters


def _scale(values: Floats) -> float:
    typical = float(np.median(np.abs(values)))
    return typical or float(np.max(np.abs(values))) or 1.0
