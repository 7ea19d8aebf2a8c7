"""Finds the days of a series that cost more than its past lets expect.

Finds the days of a series that cost more than its past lets expect. Weeks are judged in
succession, each from the weeks before it alone, so that an old finding does not change
when days are added. A day alarms where it is far outside the usual range of days;
several days together where their mean is. A change that lasts is reported for two weeks
and then is the new level. A monthly cost on its day is no surprise the second time, nor
is a cost that comes now and then anyway. A fall alarms only where it is to nothing, for
longer than ever before.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.anomalies.expectation import WEEK_DAYS, Past, expect
from attribution.costs.anomalies.ordinary import is_frequent, is_monthly

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import date

    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.costs.anomalies.expectation import Expectation

#: A single day alarms beyond so many standard deviations, and this part of it.
DAY_DEVIATIONS = 5.5
DAY_LEAST_RATIO = 0.15
#: Some days in a row do so by their mean, which varies less: days → deviations of it,
#: least part. The expectation of them all may be wrong by this part of a deviation.
DAYS_TOGETHER = {3: (3.8, 0.14), 5: (4.2, 0.10), 10: (3.8, 0.10)}
_COMMON_ERROR = 0.3
#: A day counts among others up to so many times the amount that would alarm alone.
_CLIPPED_BANDS = 1.5
#: A change that has lasted so long is how things are.
SETTLED_DAYS = 14
#: A day beside a finding belongs to it if it is so far towards the edge of the usual.
_BESIDE_PART = 0.6
#: Usual days between two findings that are still merged.
_BRIDGED_DAYS = 1
#: At most this part of the expectation is nothing; so many days of it are no pause, on
#: top of so many times the longest pause before.
_NOTHING_RATIO, _FALL_DAYS, _TIMES_LONGEST = 0.01, 3, 2


@dataclass(frozen=True, slots=True)
class Finding:
    """Some days in a row that cost more than expected, or nothing at all.

    Attributes
    ----------
    first, last : int
        Numbers of the days in the series.
    expected : float
        Expected cost of the days together.
    high : float or None
        The most that is usual for them; ``None`` where too little was known of some.
    actual : float
        Actual cost.
    is_settled : bool
        The change has become the new level.
    is_new : bool
        There was nothing before.
    is_fall : bool
        There is nothing now.
    """

    first: int
    last: int
    expected: float
    high: float | None
    actual: float
    is_settled: bool = False
    is_new: bool = False
    is_fall: bool = False

    @property
    def excess(self) -> float:
        """Return the cost above expectation."""
        return self.actual - self.expected


@dataclass(slots=True)
class Judgement:
    """Judgement of every day of a series.

    Attributes
    ----------
    values : ndarray, shape (days,)
        Money per day, without gaps.
    first_day : date
        Of the series.
    expected, high : ndarray, shape (days,)
        Expected cost of a day, and the most that is usual; NaN where too little was
        known.
    direction : ndarray, shape (days,)
        1 above the usual range, -1 below, 0 usual.
    taught : ndarray of bool, shape (days,)
        True if later weeks learnt from a day as soon as it was judged.
    settled : list of tuple of int
        First and last day of changes that had lasted long enough at the end of a week.
    together : list of tuple of int
        First and last of days in a row that alarmed by their mean.
    """

    values: Floats
    first_day: date
    expected: Floats
    high: Floats
    direction: NDArray[np.int8]
    taught: NDArray[np.bool_]
    settled: list[tuple[int, int]]
    together: list[tuple[int, int]] = field(default_factory=list)

    @property
    def beyond(self) -> Floats:
        """Return money per day beyond expectation; 0 without an expectation."""
        return np.nan_to_num(self.values - self.expected)

    def findings(self) -> list[Finding]:
        """Return runs of days above the usual range and falls, oldest first."""
        above = [self._finding(*run) for run in _runs(self._is_above())]
        falls = [self._fall(first, last) for first, last in self._falls()]
        return sorted(above + falls, key=lambda one: (one.first, one.is_fall))

    def _finding(self, first: int, last: int) -> Finding:
        days = slice(first, last + 1)
        high = float(self.high[days].sum())
        return Finding(
            first,
            last,
            float(self.expected[days].sum()),
            high if np.isfinite(high) else None,
            float(self.values[days].sum()),
            is_settled=any(a <= last and first <= b for a, b in self.settled),
        )

    def _fall(self, first: int, last: int) -> Finding:
        lasts = last - first + 1 >= SETTLED_DAYS
        return replace(self._finding(first, last), is_fall=True, is_settled=lasts)

    def _is_above(self) -> NDArray[np.bool_]:
        """Return a mask of days above, and of adjacent days of rise or fall."""
        above: NDArray[np.bool_] = self.direction == 1
        beyond = self.beyond
        for first, last in self.together:
            days = slice(first, last + 1)
            above[days] |= beyond[days] > _BESIDE_PART * np.mean(beyond[days])
        with np.errstate(invalid="ignore"):
            leans = beyond > _BESIDE_PART * (self.high - self.expected)
        for number in np.flatnonzero(above):
            for step in (-1, 1):
                near = number + step
                while 0 <= near < len(above) and not above[near] and leans[near]:
                    above[near] = True
                    near += step
        return above

    def _falls(self) -> Iterator[tuple[int, int]]:
        """Yield the first days of pauses that are longer than any before them."""
        with np.errstate(invalid="ignore"):
            is_off = (self.expected > 0.0) & (
                self.values <= _NOTHING_RATIO * self.expected
            )
        is_off |= self.values == 0.0
        edges = np.flatnonzero(np.diff(np.concatenate([[False], is_off, [False]])))
        longest = 0
        for first, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True):
            is_long = end - first >= _FALL_DAYS + _TIMES_LONGEST * longest
            if is_long and self.high[first] > 0.0:
                yield first, min(end, first + SETTLED_DAYS) - 1
            longest = max(longest, end - first)

    def common_days(self, values: Floats) -> int:
        """Return how many of the first days cost the same in other values."""
        size = min(len(values), len(self.values))
        differs = np.flatnonzero(values[:size] != self.values[:size])
        return int(differs[0]) if len(differs) else size


def judged(
    values: Floats, first_day: date, before: Judgement | None = None
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
    [judgement] = judged_together([(values, first_day, before)])
    return judgement


def judged_together(
    series: Iterable[tuple[Floats, date, Judgement | None]],
) -> list[Judgement]:
    """Judge some series week by week, all of them together; see :func:`judged`.

    Parameters
    ----------
    series : iterable of (ndarray, date, Judgement or None)
        Money per day, the first day, and the earlier judgements, of each.
    """
    judges = [_Judge.of(*each) for each in series]
    by_week: dict[date, list[tuple[_Judge, NDArray[np.int64]]]] = {}
    for judge in judges:
        for monday, days in judge.weeks():
            by_week.setdefault(monday, []).append((judge, days))
    for _, week in sorted(by_week.items()):
        expected = expect([judge.past(int(days[0])) for judge, days in week])
        for (judge, days), expectation in zip(week, expected, strict=True):
            judge.judge(days, expectation)
    return [judge.judgement for judge in judges]


def told_of(
    judgement: Judgement, *, least_excess: Floats, alarms_when_new: bool
) -> list[Finding]:
    """Return the findings of a series that are worth telling, the oldest first.

    Parameters
    ----------
    judgement : Judgement
        Of its days.
    least_excess : ndarray, shape (days,)
        Money below which nobody wants a report of a finding that begins on a day.
    alarms_when_new : bool
        True if a series that begins late is itself a finding.
    """
    found = judgement.findings()
    if alarms_when_new and len(judgement.values):
        days = judgement.values[:SETTLED_DAYS]
        total = float(days.sum())
        found.insert(0, Finding(0, len(days) - 1, 0.0, 0.0, total, is_new=True))
    return [
        finding
        for finding in found
        if abs(finding.excess) >= least_excess[finding.first]
    ]


class _Judge:
    """Judge that steps through a series by week and keeps unusual days."""

    def __init__(self, judgement: Judgement, start: int) -> None:
        self.judgement = judgement
        self._start = start
        self.values, self.first_day = judgement.values, judgement.first_day
        self.expected, self.high = judgement.expected, judgement.high
        self.direction, self.settled = judgement.direction, judgement.settled
        self._is_usual = judgement.taught.copy()
        self._level_since = self._settled_until = 0
        for first, last in self.settled:
            self._take_for_level(first, last)

    @classmethod
    def of(cls, values: Floats, first_day: date, before: Judgement | None) -> _Judge:
        """Return the judge of the weeks with changed days, and of later weeks."""
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
            # A week is judged as a whole: that of the first day that differs is judged
            # again.
            start = max(same - (first_day.weekday() + same) % WEEK_DAYS, 0)
            new.expected[:start] = before.expected[:start]
            new.high[:start] = before.high[:start]
            new.direction[:start] = before.direction[:start]
            new.taught[:start] = before.taught[:start]
            new.settled += [(a, b) for a, b in before.settled if b < start]
            new.together += [(a, b) for a, b in before.together if b < start]
        return cls(new, start)

    def weeks(self) -> Iterator[tuple[date, NDArray[np.int64]]]:
        """Yield the weeks to judge: their Mondays, and the numbers of their days."""
        # Weeks begin on Mondays, whenever the series does.
        for start in range(-self.first_day.weekday(), len(self.values), WEEK_DAYS):
            end = min(start + WEEK_DAYS, len(self.values))
            if start + WEEK_DAYS > self._start:
                monday = self.first_day + timedelta(days=start)
                yield monday, np.arange(max(start, 0), end)

    def past(self, start: int) -> Past:
        """Return the past known before a week."""
        return Past(self.values, self._is_usual, self._level_since, start)

    def judge(self, days: NDArray[np.int64], found: Expectation | None) -> None:
        """Judge the days of a week by their expectation."""
        if found is None:
            # Not enough to alarm, but enough to know a monthly fee by next month.
            self.expected[days] = float(np.median(self.values[days]))
        else:
            self._judge_days(days, found.days[: len(days)], found.spread)
        self._settle(int(days[-1]))

    def _judge_days(
        self, days: NDArray[np.int64], expected: Floats, spread: float
    ) -> None:
        self.expected[days] = expected
        residual = self.values[days] - expected
        ratio = max(DAY_DEVIATIONS * spread, DAY_LEAST_RATIO)
        band = ratio * expected
        self.high[days] = expected + band
        is_ordinary = self._is_ordinary(days[residual > band], days, ratio)
        direction = np.where(residual > band, 1, np.where(residual < -band, -1, 0))
        direction[is_ordinary] = 0
        self.direction[days] = direction
        self._is_usual[days] = self.judgement.taught[days] = ~is_ordinary
        self._add_days_together(days, spread)
        taught = (self.direction[days] == 0) & ~is_ordinary
        self._is_usual[days] = self.judgement.taught[days] = taught

    def _is_ordinary(
        self, above: NDArray[np.int64], days: NDArray[np.int64], ratio: float
    ) -> NDArray[np.bool_]:
        """Return a mask of the days above that recur monthly or now and then."""
        found = np.zeros(len(days), dtype=np.bool_)
        beyond = self.judgement.beyond if len(above) else self.values
        for number in above.tolist():
            found[number - days[0]] = is_monthly(
                beyond, number, self.first_day
            ) or self._is_frequent(number, 1, ratio)
        return found

    def _is_frequent(self, last: int, days: int, ratio: float) -> bool:
        # The first weeks, of which no profile was known, stand out by their weekdays.
        was_judged = np.isfinite(self.high)
        beyond = np.where(was_judged, self.judgement.beyond, 0.0)
        return is_frequent(beyond, self.expected, last, days, ratio)

    def _add_days_together(self, days: NDArray[np.int64], spread: float) -> None:
        """Mark the days that together with those before them are above or below."""
        # The new level lay beyond the earlier level.
        monday = int(days[0])
        start = max(monday - max(DAYS_TOGETHER) + 1, self._settled_until)
        beyond = self._relative(slice(start, int(days[-1]) + 1))
        summed = np.concatenate([[0.0], np.cumsum(beyond)])
        for length, (deviations, least) in DAYS_TOGETHER.items():
            error = spread * float(np.sqrt(1.0 / length + _COMMON_ERROR**2))
            far = max(deviations * error, least)
            means = (summed[length:] - summed[:-length]) / length
            for place in (np.abs(means) > far).nonzero()[0].tolist():
                last = start + place + length - 1
                if last >= monday:
                    self._mark(last, length, float(means[place]), far, monday)

    def _relative(self, days: slice) -> Floats:
        """Return the excess of days relative to the expectation of each.

        A day that is far off carries little information on those around it, and an
        ordinary day none.
        """
        expected = self.expected[days]
        band = _CLIPPED_BANDS * (self.high[days] - expected)
        band[np.isnan(band)] = 0.0
        residual = self.values[days] - expected
        # Not by functions that inspect their arguments: these are few numbers.
        residual = np.minimum(np.maximum(residual, -band), band)
        is_ordinary = (self.direction[days] == 0) & ~self.judgement.taught[days]
        residual[is_ordinary] = 0.0
        series: Floats = np.divide(
            residual, expected, np.zeros(len(residual)), where=expected > 0.0
        )
        return series

    def _mark(
        self, last: int, length: int, mean: float, far: float, monday: int
    ) -> None:
        """Mark the days of the week that made days in a row alarm by their mean."""
        first = last - length + 1
        if mean > 0.0:
            if self._is_frequent(last, length, far):
                return
            self.judgement.together.append((first, last))
        week = np.arange(max(first, monday), last + 1)
        residual = self.values[week] - self.expected[week]
        is_far = np.abs(residual) > 0.5 * abs(mean) * self.expected[week]
        is_same = np.sign(residual) == np.sign(mean)
        is_free = (self.direction[week] == 0) & self.judgement.taught[week]
        self.direction[week[is_far & is_same & is_free]] = int(np.sign(mean))

    def _settle(self, last: int) -> None:
        """Adopt a lasting change as the new level."""
        direction = self.direction[last]
        if direction == 0:
            return
        first, _ = _runs(self.direction[: last + 1] == direction)[-1]
        if last - first + 1 >= SETTLED_DAYS:
            self.settled.append((first, last))
            self._take_for_level(first, last)

    def _take_for_level(self, first: int, last: int) -> None:
        self._level_since, self._settled_until = first, last + 1
        self._is_usual[first : last + 1] = True


def _runs(flags: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return first and last of each run; short gaps are bridged."""
    runs: list[tuple[int, int]] = []
    for number in np.flatnonzero(flags).tolist():
        if runs and number - runs[-1][1] <= _BRIDGED_DAYS + 1:
            runs[-1] = (runs[-1][0], number)
        else:
            runs.append((number, number))
    return runs
