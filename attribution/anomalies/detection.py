"""Finds the days of a series that cost more than its past lets expect.

Weeks are judged one after another, each from the weeks before it alone, so that an old
finding does not change when days are added. A day alarms where it is far outside what
days usually do; several days together where their mean is. A change that lasts is
reported for two weeks and then is the new level. What comes every month on its day is
no surprise the second time. A fall is never an alarm.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from attribution.anomalies.expectation import WEEK_DAYS, expect

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from attribution.anomalies.expectation import Expectation

    Series = NDArray[np.float64]

#: A single day alarms beyond so many standard deviations, and this part of it.
DAY_DEVIATIONS = 4.5
DAY_LEAST_RATIO = 0.15
#: So do the days of a week by their mean, which varies less.
WEEK_DEVIATIONS = 6.0
WEEK_LEAST_RATIO = 0.10
_LEAST_DAYS_OF_MEAN = 4
#: A change that has lasted so long is how things are.
SETTLED_DAYS = 14
#: A day beside a finding belongs to it if it is so far towards the edge of the usual.
_BESIDE_PART = 0.6
#: Usual days between two findings that are still one.
_BRIDGED_DAYS = 1
#: A day's surplus is a monthly one up to this multiple of the last month's.
_SIMILAR_RATIO = 1.5


@dataclass(frozen=True, slots=True)
class Finding:
    """Some days in a row that cost more than expected.

    Attributes
    ----------
    first, last : int
        Numbers of the days in the series.
    expected, high : float
        What the days were expected to cost together, and the most that is usual.
    actual : float
        What they cost.
    is_settled : bool
        The change has become the new level.
    is_new : bool
        There was nothing before.
    """

    first: int
    last: int
    expected: float
    high: float
    actual: float
    is_settled: bool = False
    is_new: bool = False

    @property
    def excess(self) -> float:
        """Return what they cost above what was expected."""
        return self.actual - self.expected


@dataclass(slots=True)
class Judgement:
    """What is known of every day of a series.

    Attributes
    ----------
    values : ndarray, shape (days,)
        Money per day, without gaps.
    first_day : date
        Of the series.
    expected, high : ndarray, shape (days,)
        What a day was expected to cost, and the most that is usual; NaN where too
        little was known.
    direction : ndarray, shape (days,)
        1 above what is usual, -1 below, 0 usual.
    taught : ndarray of bool, shape (days,)
        Whether later weeks learnt from a day as soon as it was judged.
    settled : list of tuple of int
        First and last day of changes that had lasted long enough at the end of a week.
    """

    values: Series
    first_day: date
    expected: Series
    high: Series
    direction: NDArray[np.int8]
    taught: NDArray[np.bool_]
    settled: list[tuple[int, int]]

    def findings(self) -> list[Finding]:
        """Return the runs of days above what is usual, the oldest first."""
        found: list[Finding] = []
        for first, last in _runs(self._is_above()):
            days = slice(first, last + 1)
            found.append(
                Finding(
                    first,
                    last,
                    float(self.expected[days].sum()),
                    float(self.high[days].sum()),
                    float(self.values[days].sum()),
                    is_settled=any(a <= last and first <= b for a, b in self.settled),
                )
            )
        return found

    def _is_above(self) -> NDArray[np.bool_]:
        """Tell the days above, and those beside them that lead there or back."""
        above: NDArray[np.bool_] = self.direction == 1
        with np.errstate(invalid="ignore"):
            leans = self.values - self.expected > _BESIDE_PART * (
                self.high - self.expected
            )
        for number in np.flatnonzero(above):
            for step in (-1, 1):
                near = number + step
                while 0 <= near < len(above) and not above[near] and leans[near]:
                    above[near] = True
                    near += step
        return above

    def common_days(self, values: Series) -> int:
        """Return how many of the first days cost the same in other values."""
        size = min(len(values), len(self.values))
        differs = np.flatnonzero(values[:size] != self.values[:size])
        return int(differs[0]) if len(differs) else size


def judged(
    values: Series, first_day: date, before: Judgement | None = None
) -> Judgement:
    """Judge every week of a series from the weeks before it.

    Parameters
    ----------
    values : ndarray, shape (days,)
        Money per day, without gaps.
    first_day : date
        Of the series.
    before : Judgement, optional
        Of the series as it was; the weeks before the first day that differs stand.
    """
    judge = _Judge.of(values, first_day, before)
    judge.judge()
    return judge.judgement


def told_of(
    judgement: Judgement, *, least_excess: Series, alarms_when_new: bool
) -> list[Finding]:
    """Return the findings of a series that are worth telling, the oldest first.

    Parameters
    ----------
    judgement : Judgement
        Of its days.
    least_excess : ndarray, shape (days,)
        Money below which nobody wants to be told of what begins on a day.
    alarms_when_new : bool
        Whether a series that begins late is itself a finding.
    """
    found = judgement.findings()
    if alarms_when_new and len(judgement.values):
        days = judgement.values[:SETTLED_DAYS]
        total = float(days.sum())
        found.insert(0, Finding(0, len(days) - 1, 0.0, 0.0, total, is_new=True))
    return [one for one in found if one.excess >= least_excess[one.first]]


class _Judge:
    """Walks through the weeks of a series and remembers what was unusual."""

    def __init__(self, judgement: Judgement, start: int) -> None:
        self.judgement = judgement
        self._start = start
        self.values, self.first_day = judgement.values, judgement.first_day
        self.expected, self.high = judgement.expected, judgement.high
        self.direction, self.settled = judgement.direction, judgement.settled
        self._is_usual = judgement.taught.copy()
        self._level_since = 0
        for first, last in self.settled:
            self._take_for_level(first, last)

    @classmethod
    def of(cls, values: Series, first_day: date, before: Judgement | None) -> _Judge:
        """Return what judges the weeks whose days differ, and those after them."""
        size, start = len(values), 0
        new = Judgement(
            values,
            first_day,
            np.full(size, np.nan),
            np.full(size, np.nan),
            np.zeros(size, dtype=np.int8),
            np.ones(size, dtype=np.bool_),
            [],
        )
        if before is not None and before.first_day == first_day:
            same = before.common_days(values)
            # A week is judged as a whole: that of the first day that differs, anew.
            start = max(same - (first_day.weekday() + same) % WEEK_DAYS, 0)
            new.expected[:start] = before.expected[:start]
            new.high[:start] = before.high[:start]
            new.direction[:start] = before.direction[:start]
            new.taught[:start] = before.taught[:start]
            new.settled += [(a, b) for a, b in before.settled if b < start]
        return cls(new, start)

    def judge(self) -> None:
        """Judge every week from the start on."""
        # Weeks begin on Mondays, whenever the series does.
        for start in range(-self.first_day.weekday(), len(self.values), WEEK_DAYS):
            if start + WEEK_DAYS <= self._start:
                continue
            days = np.arange(max(start, 0), min(start + WEEK_DAYS, len(self.values)))
            self._judge_days(days)
            self._settle(int(days[-1]))

    def _judge_days(self, days: NDArray[np.int64]) -> None:
        found = expect(self.values, self._is_usual, self._level_since, days)
        if found is None:
            # Not enough to alarm, but enough to know a monthly fee by next month.
            self.expected[days] = np.median(self.values[days])
            return
        self.expected[days] = found.days
        residual = self.values[days] - found.days
        band = np.maximum(DAY_DEVIATIONS * found.spread, DAY_LEAST_RATIO) * found.days
        self.high[days] = found.days + band
        is_monthly = self._is_monthly(days, residual, band)
        direction = np.where(residual > band, 1, np.where(residual < -band, -1, 0))
        direction[is_monthly] = 0
        self._add_mean(direction, residual, is_monthly, found)
        self.direction[days] = direction
        taught = (direction == 0) & ~is_monthly
        self._is_usual[days] = self.judgement.taught[days] = taught

    def _add_mean(
        self,
        direction: NDArray[np.int64],
        residual: Series,
        is_monthly: NDArray[np.bool_],
        found: Expectation,
    ) -> None:
        """Mark the days of a week that together are above or below."""
        counted = (direction == 0) & ~is_monthly
        if counted.sum() < _LEAST_DAYS_OF_MEAN:
            return
        usual = float(found.days[counted].sum())
        if usual <= 0.0:
            return
        ratio = float(residual[counted].sum()) / usual
        deviations = WEEK_DEVIATIONS * found.spread / np.sqrt(WEEK_DAYS)
        least = max(deviations, WEEK_LEAST_RATIO)
        if abs(ratio) > least:
            is_same = np.sign(residual) == np.sign(ratio)
            is_far = np.abs(residual) > 0.5 * abs(ratio) * found.days
            direction[counted & is_same & is_far] = int(np.sign(ratio))

    def _is_monthly(
        self, days: NDArray[np.int64], residual: Series, band: Series
    ) -> NDArray[np.bool_]:
        """Tell which days have what the same day of the last month had, too."""
        found = np.zeros(len(days), dtype=np.bool_)
        for position in np.flatnonzero(residual > band):
            day = self.first_day + timedelta(days=int(days[position]))
            before = self._stood_out((_month_before(day) - self.first_day).days)
            found[position] = residual[position] <= _SIMILAR_RATIO * before
        return found

    def _stood_out(self, number: int) -> float:
        """Return what a past day alone cost beyond the day after it, at least 0."""
        if number < 0 or (number > 0 and self.direction[number - 1] > 0):
            return 0.0
        beyond = self.values[number : number + 2] - self.expected[number : number + 2]
        return max(float(beyond[0] - beyond[1]), 0.0)

    def _settle(self, last: int) -> None:
        """Take what has lasted for the new level."""
        direction = self.direction[last]
        if direction == 0:
            return
        first, _ = _runs(self.direction[: last + 1] == direction)[-1]
        if last - first + 1 >= SETTLED_DAYS:
            self.settled.append((first, last))
            self._take_for_level(first, last)

    def _take_for_level(self, first: int, last: int) -> None:
        self._level_since = first
        self._is_usual[first : last + 1] = True


def _month_before(day: date) -> date:
    """Return the same day of the month before, or its last day."""
    last = day.replace(day=1) - timedelta(days=1)
    return last.replace(day=min(day.day, last.day))


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last of each run; short gaps are bridged."""
    found: list[tuple[int, int]] = []
    for number in np.flatnonzero(flags).tolist():
        if found and number - found[-1][1] <= _BRIDGED_DAYS + 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


__all__ = ["SETTLED_DAYS", "Finding", "Judgement", "judged", "told_of"]
