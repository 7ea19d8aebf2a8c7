"""Formats of figures: money with its currency, ratios, dates, unknowns.

Only text is made here. Nothing is added up, and nothing is rounded that is kept.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import date, datetime

#: Placeholder of an unknown figure. Never zero, never empty.
UNKNOWN = "—"
#: Chart series for the models without a separate colour.
OTHER_MODELS = "Other models"

_MINUS = "\u2212"
_LEAST_OF_TWO_DECIMALS = 0.1
_ONE_DECIMAL_FROM = 10.0
_NO_BREAK_SPACE = "\u00a0"

#: ISO 4217 currencies with a minor unit other than a hundredth.
_NO_MINOR_UNIT = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
_THOUSANDTHS = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_MINOR_UNIT_DIGITS = {
    **dict.fromkeys(_NO_MINOR_UNIT, 0),
    **dict.fromkeys(_THOUSANDTHS, 3),
}
_COMPACT_STEPS = (
    (Decimal(10) ** 9, "bn"),
    (Decimal(10) ** 6, "M"),
    (Decimal(10) ** 3, "k"),
)
#: From here on a tile is too narrow for every digit.
_SHORT_FROM = Decimal(100_000)
_ALMOST_ONE = Decimal("0.9995")
_UNIT_COST_DIGITS = 4
#: Characters of a word in a cell that wraps (a prefixed hash), and of other cells.
_WORD_WIDTH, _NAME_WIDTH = 80, 120
_MONTHS = (
    *("Jan", "Feb", "Mar", "Apr", "May", "Jun"),
    *("Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
)


def money(amount: Decimal | None, currency: str) -> str:
    """Write an amount to its currency's minor unit, e.g. ``EUR 1,234.50``.

    An amount that is not zero never reads as zero: it reads "under EUR 0.01" or,
    when negative, "above −EUR 0.01".
    """
    if amount is None:
        return UNKNOWN
    step = Decimal(1).scaleb(-minor_unit_digits(currency))
    rounded = _rounded(amount, step)
    if rounded == 0 and amount != 0:
        bound = f"{currency}{_NO_BREAK_SPACE}{step}"
        return f"under {bound}" if amount > 0 else f"above {_MINUS}{bound}"
    return _with_currency(f"{abs(rounded):,f}", currency, is_negative=rounded < 0)


def rounds_to_zero(amount: Decimal, currency: str) -> bool:
    """Return True if an amount is below half of its currency's minor unit."""
    return not _rounded(amount, Decimal(1).scaleb(-minor_unit_digits(currency)))


def short_money(amount: Decimal | None, currency: str) -> str:
    """Write an amount for a tile: exact below 100,000, else as ``EUR 136.9k``."""
    if amount is None or abs(amount) < _SHORT_FROM:
        return money(amount, currency)
    for size, suffix in _COMPACT_STEPS:
        if abs(amount) >= size * _ALMOST_ONE:
            digits = Decimal("0.1") if suffix == "k" else Decimal("0.01")
            text = f"{_rounded(abs(amount) / size, digits):,f}{suffix}"
            return _with_currency(text, currency, is_negative=amount < 0)
    return money(amount, currency)


def amount(number: Decimal | None) -> str:
    """Format an amount to two decimals if the currency is shown elsewhere."""
    if number is None:
        return UNKNOWN
    return money(number, "").replace(_NO_BREAK_SPACE, "")


def money_exact(amount: Decimal | None, currency: str) -> str:
    """Write an amount with every digit it has, at least to the minor unit."""
    if amount is None:
        return UNKNOWN
    whole, _, fraction = f"{abs(amount):,f}".partition(".")
    digits = fraction.rstrip("0").ljust(minor_unit_digits(currency), "0")
    text = f"{whole}.{digits}" if digits else whole
    return _with_currency(text, currency, is_negative=amount < 0)


def signed_money(amount: Decimal | None, currency: str) -> str:
    """Write a difference with its sign, e.g. ``+EUR 12.00``."""
    text = money(amount, currency)
    return f"+{text}" if amount is not None and amount > 0 else text


def compact(amount: Decimal | None, currency: str = "") -> str:
    """Write an amount with three significant digits at most, e.g. ``EUR 1.23M``."""
    if amount is None:
        return UNKNOWN
    text = _compact_number(abs(amount))
    if not currency:
        return f"{_MINUS}{text}" if amount < 0 else text
    return _with_currency(text, currency, is_negative=amount < 0)


def unit_cost(cost: float | None, currency: str) -> str:
    """Write a price per unit with four significant digits, e.g. ``EUR 0.001235``.

    It has at least two decimals and ends in no other zero, so that 2 is never
    written ``2.000``, which many readers take for two thousand.
    """
    if cost is None:
        return UNKNOWN
    value = Decimal(repr(cost))
    digits = max(_UNIT_COST_DIGITS - value.adjusted() - 1, 2) if value else 2
    rounded = _rounded(value, Decimal(1).scaleb(-digits))
    whole, _, fraction = f"{abs(rounded):,f}".partition(".")
    text = f"{whole}.{fraction.rstrip('0').ljust(2, '0')}"
    return _with_currency(text, currency, is_negative=rounded < 0)


def short_unit_cost(cost: float | None, currency: str) -> str:
    """Write a price per unit outside of tables: two decimals from a tenth on.

    Below, two decimals would read as zero or as a round figure, and it has four
    significant digits.
    """
    if cost is None or abs(cost) < _LEAST_OF_TWO_DECIMALS:
        return unit_cost(cost, currency)
    rounded = _rounded(Decimal(repr(cost)), Decimal("0.01"))
    return _with_currency(f"{abs(rounded):,f}", currency, is_negative=rounded < 0)


def bare_unit_cost(cost: float | None) -> str:
    """Write a price per unit without currency, and nothing if it is not known."""
    return "" if cost is None else unit_cost(cost, "").replace(_NO_BREAK_SPACE, "")


def percent(ratio: float | None) -> str:
    """Format a ratio as a percentage with a single decimal, e.g. ``12.5 %``."""
    if ratio is None:
        return UNKNOWN
    rounded = _rounded(Decimal(repr(ratio)) * 100, Decimal("0.1"))
    sign = _MINUS if rounded < 0 else ""
    return f"{sign}{abs(rounded):,f}{_NO_BREAK_SPACE}%"


def coverage(ratio: float | None) -> str:
    """Format a coverage. A coverage that is not whole never reads as 100.0 %."""
    almost, nearly_nothing = 0.9995, 0.0005
    if ratio is not None and almost <= ratio < 1:
        return f"over 99.9{_NO_BREAK_SPACE}%"
    if ratio is not None and 0 < ratio < nearly_nothing:
        return f"under 0.1{_NO_BREAK_SPACE}%"
    return percent(ratio)


def signed_percent(ratio: float | None) -> str:
    """Write a relative change with its sign, e.g. ``+12.5 %``."""
    text = percent(ratio)
    return f"+{text}" if ratio is not None and ratio > 0 else text


def in_brackets(ratio: float | None) -> str:
    """Format a relative change after its amount; empty if relative to nothing."""
    return "" if ratio is None else f" ({signed_percent(ratio)})"


def times(ratio: float | None) -> str:
    """Write a multiple of the budget, e.g. ``3.8 × budget``.

    A budget overrun never reads as 1 × budget: it gets more digits.
    """
    return UNKNOWN if ratio is None else f"{_multiple(ratio)}{_NO_BREAK_SPACE}budget"


def _multiple(ratio: float) -> str:
    digits = next((n for n in (1, 2, 3) if ratio == 1 or round(ratio, n) != 1), 4)
    text = f"{_rounded(Decimal(repr(ratio)), Decimal(1).scaleb(-digits)):,f}"
    return f"{text}{_NO_BREAK_SPACE}×"


def against_budget(variance_ratio: float | None, times_budget: float | None) -> str:
    """Write a variance, over also as a multiple: ``280.0 % over budget (3.8 ×)``."""
    if variance_ratio is None or times_budget is None:
        return UNKNOWN
    side = "over" if variance_ratio > 0 else "under"
    if variance_ratio == 0:
        return "as budgeted"
    both = f"{percent(abs(variance_ratio))} {side} budget"
    # An underrun is no multiple, and its share is given already.
    return f"{both} ({_multiple(times_budget)})" if side == "over" else both


def estimate(amount: float | None, currency: str) -> str:
    """Format an estimated amount: three digits, and an estimate sign."""
    if amount is None:
        return UNKNOWN
    return f"≈{_NO_BREAK_SPACE}{compact(Decimal(repr(amount)), currency)}"


def interval(low: float | None, high: float | None, currency: str) -> str:
    """Write an interval of amounts, e.g. ``EUR 3.9k to 4.2k``."""
    if low is None or high is None:
        return UNKNOWN
    upper = compact(Decimal(repr(high)))
    return f"{compact(Decimal(repr(low)), currency)} to {upper}"


def count(number: Decimal | int | None) -> str:
    """Write a quantity in full, without trailing zeros."""
    if number is None:
        return UNKNOWN
    whole, _, fraction = f"{abs(Decimal(number)):,f}".partition(".")
    fraction = fraction.rstrip("0")
    text = f"{whole}.{fraction}" if fraction else whole
    return f"{_MINUS}{text}" if number < 0 else text


def hours(number: Decimal | None) -> str:
    """Format a quantity of hours to a single decimal, e.g. ``1,234.5 h``."""
    if number is None:
        return UNKNOWN
    rounded = _rounded(number, Decimal("0.1"))
    if rounded == 0 and number != 0:
        return f"under 0.1{_NO_BREAK_SPACE}h"
    return f"{rounded:,f}{_NO_BREAK_SPACE}h"


def gpus(number: float | None) -> str:
    """Format an average number of accelerators to a single decimal."""
    return UNKNOWN if number is None else f"{number:,.1f}"


def decimal(number: float | Decimal | None) -> str:
    """Format a number to 1 decimal, below ten to 2, small to 3 digits."""
    if number is None:
        return UNKNOWN
    size = abs(float(number))
    sign = _MINUS if number < 0 else ""
    if 0.0 < size < _LEAST_OF_TWO_DECIMALS:
        return f"{sign}{Decimal(f'{size:.3g}'):f}"
    digits = 2 if size < _ONE_DECIMAL_FROM else 1
    return f"{sign}{size:,.{digits}f}"


def unknown(reason: str) -> str:
    """Write an unknown figure with the reason why it is not known."""
    return f"{UNKNOWN} ({reason})"


def month(label: str) -> str:
    """Write ``2026-09`` as ``Sep 2026``; any other label stays as it is."""
    year, _, number = label.partition("-")
    if number.isdigit():
        return f"{_MONTHS[int(number) - 1]} {year}"
    return label


def months(first: str, last: str) -> str:
    """Write ``2026-02`` and ``2026-10`` as ``Feb–Oct 2026``."""
    if first == last:
        return month(first)
    begin = month(first)
    if first[:4] == last[:4]:
        begin = begin.partition(" ")[0]
    return f"{begin}–{month(last)}"


def period(label: str) -> str:
    """Write ``2026-09`` as ``Sep 2026`` and ``2026-Q3`` as ``Q3 2026``."""
    year, _, quarter = label.partition("-Q")
    return f"Q{quarter} {year}" if quarter else month(label)


def moment(when: datetime | None) -> str:
    """Write a time in UTC to the minute."""
    return UNKNOWN if when is None else f"{when:%Y-%m-%d %H:%M} UTC"


def day(when: date | None) -> str:
    """Write a date."""
    return UNKNOWN if when is None else f"{when:%Y-%m-%d}"


def plural(number: int, singular: str, plural_form: str = "") -> str:
    """Write a number with its noun, e.g. ``1 row``, ``2 rows``."""
    return f"{number:,} {singular if number == 1 else plural_form or f'{singular}s'}"


def markdown(text: str) -> str:
    """Escape text from the data so that Markdown shows it as it is."""
    for sign in "\\`*_{}[]<>#|$~:":
        text = text.replace(sign, f"\\{sign}")
    return text


def minor_unit_digits(currency: str) -> int:
    """Return how many decimals the minor unit of a currency has."""
    return _MINOR_UNIT_DIGITS.get(currency, 2)


def _rounded(amount: Decimal, step: Decimal) -> Decimal:
    return amount.quantize(step, rounding=ROUND_HALF_UP)


def _with_currency(text: str, currency: str, *, is_negative: bool) -> str:
    sign = _MINUS if is_negative else ""
    return f"{sign}{currency}{_NO_BREAK_SPACE}{text}"


def _compact_number(amount: Decimal) -> str:
    for size, suffix in _COMPACT_STEPS:
        # 999.5 thousand already rounds to a million.
        if amount >= size * _ALMOST_ONE:
            return f"{_plain(_three_digits(amount / size))}{suffix}"
    rounded = _three_digits(amount)
    return "under 0.01" if rounded == 0 and amount != 0 else _plain(rounded)


def _three_digits(number: Decimal) -> Decimal:
    if number == 0:
        return number
    return _rounded(number, Decimal(1).scaleb(max(number.adjusted() - 2, -2)))


def _plain(number: Decimal) -> str:
    text = f"{number:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def cut(text: str) -> str:
    """Return text of a cell that wraps, its longest words cut; files have all.

    Examples
    --------
    >>> len(cut("a tag of " + "x" * 600))
    69
    """
    return " ".join(
        word if len(word) <= _WORD_WIDTH else f"{word[: _WORD_WIDTH - 1]}…"
        for word in text.split(" ")
    )


def cut_name(text: str) -> str:
    """Return text of a cell on one line, cut where it is long; files have all."""
    return text if len(text) <= _NAME_WIDTH else f"{text[: _NAME_WIDTH - 1]}…"
