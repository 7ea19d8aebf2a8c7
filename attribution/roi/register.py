"""Register of assumptions, resolved by subject and time.

The assumption in force for a feature, a metric and a month is the most exact entry that
is valid in it. An approved value comes before a proposal; a proposal only ever fills a
gap, and benefit that it values is not counted.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from attribution.arrays import Floats

ALL: Final = "all"
#: Standard deviations from the median to either end of a 90 % interval.
_END_OF_90_PERCENT: Final = 1.6448536269514722
_DECEMBER: Final = 12


@dataclass(frozen=True, slots=True)
class Assumed:
    """Dated version of an assumption.

    Attributes
    ----------
    value, low, high : float
        In ``unit``; ``low`` and ``high`` are the ends of a 90 % interval, or ``None``
        where the value is certain.
    feature_id : str
        Subject, or :data:`ALL`.
    metric : str or None
        The metric it is about.
    better : {"more", "less"} or None
        Direction of the metric that is good.
    """

    id: str
    version: str
    kind: str
    value: float
    unit: str
    valid_from: date
    low: float | None = None
    high: float | None = None
    feature_id: str = ALL
    metric: str | None = None
    better: str | None = None
    takes_margin: bool = False
    is_cash: bool | None = None
    months: int | None = None
    is_approved: bool = True
    valid_to: date | None = None

    @property
    def versioned(self) -> str:
        """Name with its version, to identify a single version."""
        return f"{self.id}:{self.version}"

    @property
    def is_certain(self) -> bool:
        """Return True if it has no interval."""
        return self.low is None or self.high is None

    @property
    def per(self) -> str:
        """Denominator of the unit, in the singular: ``EUR/minute`` → minute."""
        return singular(self.unit.partition("/")[2])

    @property
    def sign(self) -> float:
        """1 where more of the metric is good, −1 where less is."""
        return -1.0 if self.better == "less" else 1.0

    def at(self, levels: Floats) -> Floats:
        """Return the values at levels from 0 to 1 of the assumption's distribution.

        Its median is the value, and its 5 % and 95 % quantiles are the ends of the
        interval: two halves of a normal distribution of the logarithm, or of the value
        itself where the interval reaches 0.
        """
        if self.low is None or self.high is None:
            return np.full(len(levels), self.value)
        from scipy import special  # noqa: PLC0415  (slow to load)

        steps = special.ndtri(levels) / _END_OF_90_PERCENT
        ends = np.array([self.low, self.value, self.high])
        if self.low > 0:
            return np.exp(_two_halves(steps, np.log(ends)))
        # A value that cannot be negative stays at 0 where the tail would leave it.
        return np.maximum(_two_halves(steps, ends), 0.0)

    def holds_in(self, month: str) -> bool:
        """Return True if a day of a month, ``YYYY-MM``, lies in its validity."""
        return self.valid_from < month_end(month) and (
            self.valid_to is None or self.valid_to > month_start(month)
        )


def singular(unit: str) -> str:
    """Return the first word of a unit in the singular, in lower case.

    Examples
    --------
    >>> singular("Minutes per case")
    'minute'
    """
    word = unit.lower().split(" ")[0].rstrip(",;")
    return word.removesuffix("s")


def _two_halves(steps: Floats, ends: Floats) -> Floats:
    low, middle, high = ends
    sides = np.where(steps < 0, middle - low, high - middle)
    return np.asarray(middle + steps * sides)


def month_start(month: str) -> date:
    """Return the first day of a month, ``YYYY-MM``."""
    return date.fromisoformat(f"{month}-01")


def month_end(month: str) -> date:
    """Return the first day after a month, ``YYYY-MM``."""
    return (month_start(month) + timedelta(days=31)).replace(day=1)


def months_between(first: str, last: str) -> tuple[str, ...]:
    """Return every month from the first to the last, both included.

    Examples
    --------
    >>> months_between("2025-11", "2026-01")
    ('2025-11', '2025-12', '2026-01')
    """
    months = []
    year, number = map(int, first.split("-"))
    while f"{year:04d}-{number:02d}" <= last:
        months.append(f"{year:04d}-{number:02d}")
        year, number = (year + 1, 1) if number == _DECEMBER else (year, number + 1)
    return tuple(months)


class Register:
    """All assumptions of a workspace.

    Parameters
    ----------
    entries : iterable of Assumed
        In any order; the results do not depend on it.
    """

    def __init__(self, entries: Iterable[Assumed]) -> None:
        self.entries = tuple(
            sorted(entries, key=lambda entry: (entry.id, entry.valid_from))
        )

    def one(
        self,
        kind: str,
        *,
        feature_id: str = ALL,
        metric: str | None = None,
        month: str,
        approved_only: bool = False,
    ) -> Assumed | None:
        """Return the assumption of a kind that holds, or ``None``.

        Parameters
        ----------
        kind : str
            Of the register.
        feature_id, metric : str
            Required subject.
        month : str
            ``YYYY-MM``; of several versions in a month that of its first day counts.
        approved_only : bool
            True if only approved values count; else a proposal may fill the gap.
        """
        holding = [
            assumption
            for assumption in self._of(kind, feature_id, metric)
            if assumption.holds_in(month)
            and (assumption.is_approved or not approved_only)
        ]
        # An approved value before a proposal, then the most exact, then the earliest.
        return min(
            holding,
            key=lambda assumption: (
                not assumption.is_approved,
                assumption.feature_id == ALL,
                assumption.metric is None,
                assumption.valid_from,
                assumption.id,
            ),
            default=None,
        )

    def approved(self, kind: str, *, feature_id: str) -> tuple[Assumed, ...]:
        """Return every approved assumption of a kind that is about a feature."""
        of_kind = self._of(kind, feature_id, None)
        return tuple(assumption for assumption in of_kind if assumption.is_approved)

    def _of(self, kind: str, feature_id: str, metric: str | None) -> Sequence[Assumed]:
        return [
            entry
            for entry in self.entries
            if entry.kind == kind
            and entry.feature_id in {ALL, feature_id}
            and (entry.metric is None or entry.metric == metric)
        ]
