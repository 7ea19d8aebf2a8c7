"""Dollar exchange rates: typed in by finance, then published by the ECB.

While AWS billed in dollars, finance typed in a single rate per month, with four
decimals. From the first month after that the average of the ECB's publications counts.
Quotations are drawn as the ECB writes them: dollars per euro, on each day on which it
publishes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

import numpy as np

from ingest.sample_company.charges import SATURDAY

if TYPE_CHECKING:
    from ingest.sample_company.timeline import Month, Timeline

#: Typed-in rates are in ten-thousandths of a euro, quotations of a dollar.
RATE_UNITS: Final = 10_000
#: A rate keeps twelve decimals when money is converted.
PRECISE_UNITS: Final = 10**12
_FIRST_RATE: Final = 0.8850
_GREGORIAN: Final = 19
#: Other currencies of the publication: units per euro.
_OTHERS: Final = {"JPY": 163.0, "DKK": 7.46, "GBP": 0.861, "PLN": 4.27, "CHF": 0.938}


@dataclass(frozen=True, slots=True)
class Exchange:
    """Rates of all months.

    Parameters
    ----------
    typed : tuple of int
        EUR per USD by month, in ten-thousandths; used to plan amounts.
    typed_count : int
        Months, from the first, for which finance typed it in.
    quotes : dict of date to int
        USD per EUR on each day of publication, in ten-thousandths.
    """

    typed: tuple[int, ...]
    typed_count: int
    quotes: dict[date, int]
    _rates: dict[int, int] = field(default_factory=dict, repr=False, compare=False)

    def precise_rate(self, month: Month) -> int:
        """Return EUR per USD in units of 1e-12: typed in, or averaged."""
        if month.index < self.typed_count:
            return self.typed[month.index] * (PRECISE_UNITS // RATE_UNITS)
        if month.index not in self._rates:
            self._rates[month.index] = self._average_rate(month)
        return self._rates[month.index]

    def _average_rate(self, month: Month) -> int:
        first, end = month.first_day, month.end
        days = [quote for day, quote in self.quotes.items() if first <= day < end]
        # Rounded to fifteen decimals, as the rule requires, and to twelve when it is
        # used.
        fifteen = _rounded(len(days) * RATE_UNITS * 10**15, sum(days))
        return _rounded(fifteen, 1_000)

    def to_euros(self, month: Month, units: int) -> int:
        """Return an amount in dollars as euros, rounded once, half away from zero."""
        euros = _rounded(abs(units) * self.precise_rate(month), PRECISE_UNITS)
        return euros if units >= 0 else -euros

    def other_quotes(self, day: date) -> dict[str, str]:
        """Return the quotations of other currencies on a day."""
        move = 1 + 0.02 * np.sin(day.toordinal() / 47)
        return {code: f"{value * move:.5g}" for code, value in _OTHERS.items()}


def draw_exchange(timeline: Timeline, rng: np.random.Generator) -> Exchange:
    """Draw the rates of all months and the quotations of all days."""
    steps = np.cumsum(rng.normal(0.0, 0.008, len(timeline.months)))
    typed = tuple(round(_FIRST_RATE * RATE_UNITS * float(f)) for f in np.exp(steps))
    quotes = {}
    for month in timeline.months:
        mean = RATE_UNITS * RATE_UNITS / typed[month.index]
        for day in publication_days(month):
            quotes[day] = round(mean * float(np.exp(rng.normal(0.0, 0.003))))
    return Exchange(typed, timeline.euro_index, quotes)


def publication_days(month: Month) -> list[date]:
    """Return the days of a month on which the ECB publishes: TARGET is open."""
    days = [month.first_day + timedelta(days=n) for n in range(month.day_count)]
    closed = _closing_days(month.first_day.year)
    return [day for day in days if day.weekday() < SATURDAY and day not in closed]


def _closing_days(year: int) -> set[date]:
    easter = _easter(year)
    fixed = ((1, 1), (5, 1), (12, 25), (12, 26))
    return {
        *(date(year, month, day) for month, day in fixed),
        easter - timedelta(days=2),
        easter + timedelta(days=1),
    }


def _easter(year: int) -> date:
    """Return Easter Sunday by the rule of Gauss, right for 1900 to 2099."""
    moon = (_GREGORIAN * (year % _GREGORIAN) + 24) % 30
    week = (2 * (year % 4) + 4 * (year % 7) + 6 * moon + 5) % 7
    offset = moon + week
    is_late = (moon == 29 and week == 6) or (  # noqa: PLR2004  (his exceptions)
        moon == 28 and week == 6 and year % _GREGORIAN > 10  # noqa: PLR2004
    )
    return date(year, 3, 22) + timedelta(days=offset - 7 * is_late)


def _rounded(numerator: int, denominator: int) -> int:
    """Return a quotient of natural numbers, rounded half up."""
    return (2 * numerator + denominator) // (2 * denominator)
