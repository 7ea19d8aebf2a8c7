"""Reads the euro's reference rates in the forms in which the ECB publishes them.

A rate gives the units of a currency per euro on a day. There are two forms: the history
file, with a column for each currency, and the CSV of the data portal, with a row for
each rate. Either may come inside a ZIP archive. Rates stay the text that was published;
landing judges if it is a number.

Sources: *Euro foreign exchange reference rates* (``eurofxref-hist.csv``); ECB Data
Portal API, data flow EXR, media type ``csvdata``; TARGET closing days since 2002.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

#: Currency that every rate is the price of.
BASE = "EUR"

_MAX_TEXT_BYTES = 256 * 1024 * 1024
#: The table has some fifty columns of three letters.
_LONGEST_HEADER = 100_000
_ARCHIVE_MARK = b"PK\x03\x04"
#: Notations of a day without a rate, in either form.
_NO_RATE = frozenset({"", "N/A", "NaN", "-"})
_CURRENCY = re.compile(r"[A-Z]{3}")
#: Every day's rate of the euro, as concerted: FREQ, CURRENCY_DENOM, EXR_TYPE.
_DAILY = {"FREQ": "D", "CURRENCY_DENOM": BASE, "EXR_TYPE": "SP00"}
_PORTAL_COLUMNS = ("CURRENCY", "TIME_PERIOD", "OBS_VALUE")
_SATURDAY = 5


@dataclass(frozen=True, slots=True, order=True)
class Quote:
    """Units of a currency per euro on a day, as written."""

    day: date
    currency: str
    rate: str


@dataclass(frozen=True, slots=True)
class RateFile:
    """All rates of a file, by month (``YYYY-MM``), oldest first."""

    months: Mapping[str, tuple[Quote, ...]]

    @property
    def first_day(self) -> date:
        """The first day with a rate."""
        return min(self.months[min(self.months)]).day

    @property
    def last_day(self) -> date:
        """The last day with a rate."""
        return max(self.months[max(self.months)]).day

    @property
    def currencies(self) -> frozenset[str]:
        """Every currency that is quoted on some day."""
        return frozenset(q.currency for quotes in self.months.values() for q in quotes)

    def begins_within(self, month: str) -> bool:
        """Return True if the file lacks the beginning of a month that it has.

        Only its first month can: a file of the last ninety days begins anywhere.
        """
        year, number = (int(part) for part in month.split("-"))
        is_first = self.first_day.strftime("%Y-%m") == month
        return is_first and self.first_day > first_publication(year, number)


def read_rates(content: bytes, *, where: str) -> RateFile:
    """Return the rates of a file in either form.

    Parameters
    ----------
    content : bytes
        The file, or a ZIP archive that holds it.
    where : str
        Name in messages.

    Raises
    ------
    MalformedDeliveryError
        It has neither form, is cut off, or contradicts itself.
    """
    text = _text(content, where)
    # The csv module's own limit is the whole process's, and others may have raised it.
    if len(text.partition("\n")[0]) > _LONGEST_HEADER:
        raise _malformed("It is no CSV file.", where)
    try:
        return RateFile(_by_month(_quotes(text, where), where))
    except csv.Error:
        raise _malformed("It is no CSV file.", where) from None


def _quotes(text: str, where: str) -> Iterator[Quote]:
    rows = csv.reader(io.StringIO(text, newline=""))
    header = [name.strip() for name in next(rows, [])]
    if header[:1] == ["Date"]:
        return _history_quotes(rows, header, where)
    if set(_PORTAL_COLUMNS) <= set(header):
        return _portal_quotes(rows, header, where)
    raise _malformed(
        "It is not a file of the ECB's reference rates: the first line has neither"
        f" 'Date' and currencies nor {', '.join(_PORTAL_COLUMNS)}.",
        where,
        "Use eurofxref-hist.zip or .csv, or the data portal's CSV of daily rates"
        " (…/data/EXR/D..EUR.SP00.A?format=csvdata).",
    )


def _text(content: bytes, where: str) -> str:
    if content.startswith(_ARCHIVE_MARK):
        content = _unpacked(content, where)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _malformed("It is no text.", where) from None


def _unpacked(content: bytes, where: str) -> bytes:
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [m for m in archive.infolist() if m.filename.endswith(".csv")]
            if len(members) != 1 or members[0].file_size > _MAX_TEXT_BYTES:
                raise _malformed("The archive does not hold one CSV file.", where)
            return archive.read(members[0])
    except (zipfile.BadZipFile, EOFError, OSError, NotImplementedError) as error:
        raise _malformed(
            f"The ZIP archive cannot be unpacked ({type(error).__name__}).", where
        ) from None


def _history_quotes(
    rows: Iterator[list[str]], header: Sequence[str], where: str
) -> Iterator[Quote]:
    # Each line of the ECB's own file ends in a comma.
    currencies = [name for name in header[1:] if name]
    for name in currencies:
        if not _CURRENCY.fullmatch(name):
            raise _malformed(f"The column {name!r} is no currency.", where)
    for number, row in enumerate(rows, start=2):
        if not any(cell.strip() for cell in row):
            continue
        if len(row) < len(currencies) + 1:
            raise _cut_off(number, where)
        day = _day(row[0], number, where)
        for currency, cell in zip(currencies, row[1:], strict=False):
            if cell.strip() not in _NO_RATE:
                yield Quote(day, currency, cell.strip())


def _portal_quotes(
    rows: Iterator[list[str]], header: Sequence[str], where: str
) -> Iterator[Quote]:
    for number, row in enumerate(rows, start=2):
        if not row:
            continue
        if len(row) != len(header):
            raise _cut_off(number, where)
        cells = {name: cell.strip() for name, cell in zip(header, row, strict=True)}
        for name, expected in _DAILY.items():
            if cells.get(name, expected) != expected:
                raise _malformed(
                    f"Line {number} has {name} {cells[name]!r}, not {expected!r}: it is"
                    " no daily reference rate of the euro.",
                    where,
                    "Ask for the series D..EUR.SP00.A; months are averaged from it.",
                )
        day = _day(cells["TIME_PERIOD"], number, where)
        if cells["OBS_VALUE"] not in _NO_RATE:
            yield Quote(day, cells["CURRENCY"], cells["OBS_VALUE"])


def _day(text: str, number: int, where: str) -> date:
    for form in ("%Y-%m-%d", "%d %B %Y"):
        try:
            return datetime.strptime(text.strip(), form).date()  # noqa: DTZ007  (a day)
        except ValueError:
            continue
    raise _malformed(f"Line {number} has no date: {text[:40]!r}.", where)


def _by_month(quotes: Iterator[Quote], where: str) -> dict[str, tuple[Quote, ...]]:
    months: dict[str, dict[tuple[date, str], Quote]] = defaultdict(dict)
    for quote in quotes:
        of_month = months[quote.day.strftime("%Y-%m")]
        known = of_month.setdefault((quote.day, quote.currency), quote)
        if known.rate != quote.rate:
            raise _malformed(
                f"{quote.currency} has two rates on {quote.day}: {known.rate[:40]} and"
                f" {quote.rate[:40]}.",
                where,
            )
    if not months:
        raise _malformed("It holds no rate.", where)
    return {month: tuple(sorted(months[month].values())) for month in sorted(months)}


def first_publication(year: int, month: int) -> date:
    """Return the first day of a month on which rates are published.

    Examples
    --------
    >>> first_publication(2026, 1), first_publication(2024, 4)
    (datetime.date(2026, 1, 2), datetime.date(2024, 4, 2))
    >>> first_publication(2026, 3)  # the 1st is a Sunday
    datetime.date(2026, 3, 2)
    """
    easter = _easter(year)
    closed = {
        date(year, 1, 1),
        easter - timedelta(days=2),
        easter + timedelta(days=1),
        date(year, 5, 1),
        date(year, 12, 25),
        date(year, 12, 26),
    }
    day = date(year, month, 1)
    while day.weekday() >= _SATURDAY or day in closed:
        day += timedelta(days=1)
    return day


def _easter(year: int) -> date:
    """Return Easter Sunday, by the anonymous Gregorian rule."""
    century, of_century = divmod(year, 100)
    golden = year % 19
    epact = (
        19 * golden
        + century
        - century // 4
        - (century - (century + 8) // 25 + 1) // 3
        + 15
    ) % 30
    weekday = (
        32 + 2 * (century % 4) + 2 * (of_century // 4) - epact - of_century % 4
    ) % 7
    late = (golden + 11 * epact + 22 * weekday) // 451
    month, day = divmod(epact + weekday - 7 * late + 114, 31)
    return date(year, month, day + 1)


def _cut_off(number: int, where: str) -> MalformedDeliveryError:
    return _malformed(
        f"Line {number} has fewer columns than the first: the file was cut off.", where
    )


def _malformed(
    what: str,
    where: str,
    next_step: str = "What was loaded before stays current; fetch the file again.",
) -> MalformedDeliveryError:
    return MalformedDeliveryError(what, where=where, next_step=next_step)
