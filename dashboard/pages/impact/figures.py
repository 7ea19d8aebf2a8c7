"""Figures of effects in words: with sign, unit and three digits."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal

from dashboard.shared import format as fmt

_CURRENCY = re.compile(r"[A-Z]{3}")
#: A number with a power of ten, or a negative number, as formats of Python write them.
_RECORDED = re.compile(
    r"(?<![\w.,-])-?\d+(?:\.\d+)?e[+-]?\d+|(?<![\w.,)-])-\d[\d,]*(?:\.\d+)?(?![\w-])"
)
_COMPACT_FROM = 100_000
_ROOM_ON_A_TILE = 15
_DIGITS = 3
_ALMOST_SURE = 0.999
_HARDLY = 0.001
_MINUS = "\u2212"
_SPACE = "\u00a0"


def is_money(unit: str) -> bool:
    """Return True if a unit is a currency."""
    return _CURRENCY.fullmatch(unit) is not None


def words(name: str) -> str:
    """Write the name of a metric or feature in words."""
    return name.replace("_", " ")


def quantity(value: float | None, unit: str, *, is_signed: bool = False) -> str:
    """Write a number with its unit to three digits; a ratio in percentage points.

    A bound that is not known to be finite is written as unbounded.
    """
    if value is None:
        return "unbounded"
    sign = _MINUS if value < 0 else "+" if is_signed and value > 0 else ""
    size = abs(Decimal(repr(value)))
    if unit == "ratio":
        return f"{sign}{_three_digits(size * 100)}{_SPACE}percentage points"
    number = fmt.compact(size) if size >= _COMPACT_FROM else _three_digits(size)
    if is_money(unit):
        return f"{sign}{unit}{_SPACE}{number}"
    return f"{sign}{number}{_SPACE}{words(unit)}" if unit else f"{sign}{number}"


def on_tile(value: float, unit: str) -> str:
    """Write a number for a tile, on which a long unit has no room."""
    said = quantity(value, unit, is_signed=True)
    if is_money(unit) or len(said) <= _ROOM_ON_A_TILE:
        return said
    number = said.partition(_SPACE)[0]
    return f"{number}{_SPACE}pp" if unit == "ratio" else number


def _three_digits(size: Decimal) -> str:
    if size == 0:
        return "0"
    step = Decimal(1).scaleb(size.adjusted() - _DIGITS + 1)
    rounded = size.quantize(min(step, Decimal(1)), rounding=ROUND_HALF_EVEN)
    text = f"{rounded:,f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def readable(text: str) -> str:
    """Write a recorded sentence for readers: no powers of ten, a minus for a hyphen."""
    return _RECORDED.sub(_as_read, text)


def _as_read(found: re.Match[str]) -> str:
    text = found.group()
    sign, size = (_MINUS, text[1:]) if text.startswith("-") else ("", text)
    if "e" not in size:
        return f"{sign}{size}"
    return f"{sign}{_three_digits(Decimal(size))}"


def span(low: float | None, high: float | None, unit: str) -> str:
    """Write an interval of effects."""
    if low is None and high is None:
        return "unbounded"
    if low is not None and high is not None:
        return _both(low, high, unit)
    first = "no lower bound" if low is None else quantity(low, unit, is_signed=True)
    last = "no upper bound" if high is None else quantity(high, unit, is_signed=True)
    return f"{first} to {last}"


def _both(low: float, high: float, unit: str) -> str:
    """Write both ends with the unit once: before them if it is money, else after."""
    if is_money(unit):
        return f"{quantity(low, unit, is_signed=True)} to {_bare(high, unit)}"
    return f"{_bare(low, unit)} to {quantity(high, unit, is_signed=True)}"


def _bare(value: float, unit: str) -> str:
    said = quantity(value, unit, is_signed=True)
    if is_money(unit):
        return said.replace(f"{unit}{_SPACE}", "")
    return said.partition(_SPACE)[0]


def chance(probability: float | None) -> str:
    """Write the chance that an effect is above zero."""
    if probability is None:
        return fmt.UNKNOWN
    if probability > _ALMOST_SURE:
        return f"over 99.9{_SPACE}%"
    if probability < _HARDLY:
        return f"under 0.1{_SPACE}%"
    return fmt.percent(probability)
