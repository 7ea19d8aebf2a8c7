"""Days from the growth of weekly sums, and the mean week without growth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.forecasting.growth import WEEK_DAYS, expected_logs, filtered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.costs.forecasting.growth import States

#: A series with a greater part of its weeks at nothing has no logarithm to grow in.
_MOST_EMPTY_WEEKS = 0.1
#: Weeks that a week is divided among its days by.
_PROFILE_WEEKS = 8
#: Weeks that the mean of bursts is of, and that they are drawn from.
BURST_WEEKS = 52
#: Weeks with surprises that show how far a mean lies above a middle.
_FIRST_SURPRISES = 8


@dataclass(frozen=True, eq=False, slots=True)
class Weeks:
    """Whole weeks of a series, counted back from its last day.

    Attributes
    ----------
    values : ndarray, shape (weeks, 7)
        Money per day.
    first : int
        Number of the first of these days in the series.
    states : States
        Level and growth known after each week.
    """

    values: Floats
    first: int
    states: States

    def place(self, origins: Sequence[int]) -> NDArray[np.int64]:
        """Return the last week known at each origin."""
        return (np.asarray(origins) - self.first) // WEEK_DAYS - 1


def weeks_of(values: Floats) -> Weeks:
    """Return the weeks of a series with their level and growth.

    Raises
    ------
    ValueError
        The series is too short, or too often at nothing, to grow in logarithms.
    """
    count = len(values) // WEEK_DAYS
    first = len(values) - count * WEEK_DAYS
    of_weeks = values[first:].reshape(count, WEEK_DAYS)
    sums = of_weeks.sum(axis=1)
    is_there = sums > 0.0
    if not is_there.any():
        raise ValueError("The series has no cost in any whole week.")
    skipped = int(np.argmax(is_there))
    if np.mean(~is_there[skipped:]) > _MOST_EMPTY_WEEKS:
        raise ValueError("The series has no cost in too many weeks.")
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.where(is_there, np.log(sums), np.nan)[skipped:]
    return Weeks(of_weeks[skipped:], first + skipped * WEEK_DAYS, filtered(logs))


class LogTrend:
    """A level that grows by a part of itself, damped, with the profile of weekdays.

    Attributes
    ----------
    weeks : Weeks or None
        Those before the last origin that was asked for.
    """

    def __init__(self) -> None:
        self.weeks: Weeks | None = None

    def paths(self, values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        """Return the growth of each origin's week; origins are whole weeks apart."""
        self.weeks = weeks = weeks_of(values[: origins[-1]])
        place = weeks.place(origins)
        if place[0] < 0:
            raise ValueError("An origin lies before the first whole week.")
        ahead = -(-horizon // WEEK_DAYS)
        logs = expected_logs(weeks.states, ahead)[place]
        sums = np.exp(logs) * _mean_above_middle(weeks.states)[place, None]
        days = sums[:, :, None] * _profiles(weeks.values)[place][:, None, :]
        return np.asarray(days.reshape(len(origins), -1)[:, :horizon])


class MeanWeek:
    """Mean day of a year: bursts have no better week."""

    def paths(self, values: Floats, origins: Sequence[int], horizon: int) -> Floats:
        """Return the same day again and again."""
        summed = np.concatenate([[0.0], np.cumsum(values)])
        ends = np.asarray(origins)
        starts = np.maximum(ends - BURST_WEEKS * WEEK_DAYS, 0)
        means = (summed[ends] - summed[starts]) / (ends - starts)
        return np.repeat(means[:, None], horizon, axis=1)


def _mean_above_middle(states: States) -> Floats:
    """Return the ratio of a week's mean to its middle, as known after each."""
    surprise = np.nan_to_num(states.surprise)
    count = np.arange(1, len(surprise) + 1)
    middle = np.cumsum(surprise) / count
    mean = np.cumsum(np.exp(np.clip(surprise, -2.0, 2.0))) / count
    mean_above_middle: Floats = np.where(
        count >= _FIRST_SURPRISES, mean / np.exp(middle), 1.0
    )
    return mean_above_middle


def _profiles(weeks: Floats) -> Floats:
    """Return each day's part of the weeks before, by the last of them."""
    summed = np.cumsum(weeks, axis=0)
    summed[_PROFILE_WEEKS:] -= summed[:-_PROFILE_WEEKS].copy()
    whole = summed.sum(axis=1, keepdims=True)
    even = np.full_like(summed, 1.0 / WEEK_DAYS)
    return np.asarray(np.divide(summed, whole, out=even, where=whole > 0.0))
