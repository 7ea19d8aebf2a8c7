"""Railway usage prices: a dated price table, and a factor per invoice.

Railway's API answers resource-time (vCPU-minutes, GB-minutes) and gigabytes, never
amounts. A price *per month* is a price per 43,200 minutes, regardless of the calendar.
Amounts are fractions until they are rounded, once, to eighteen decimals, and a divided
amount adds up again.

Source: railwayapp/cli ``src/commands/usage.rs``, August 2026, for the documented prices
and the month of 43,200 minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Context, Decimal, localcontext
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from triptych.core.declared import Declared
from triptych.core.errors import FatalSourceError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MINUTES_PER_MONTH = 43_200
_DECIMALS = 18
_ONE = 10**_DECIMALS
_MOST_DIGITS = 80
_PRECISE = Context(prec=_MOST_DIGITS)

#: Measurements that may be priced, with the unit in which they are counted. Limits and
#: received traffic cost nothing. CPU_USAGE_2 counts the same as CPU_USAGE, so only
#: either is priced.
UNITS = {
    "CPU_USAGE": "vCPU-minute",
    "CPU_USAGE_2": "vCPU-minute",
    "MEMORY_USAGE_GB": "GB-minute",
    "DISK_USAGE_GB": "GB-minute",
    "EPHEMERAL_DISK_USAGE_GB": "GB-minute",
    "BACKUP_USAGE_GB": "GB-minute",
    "NETWORK_TX_GB": "GB",
}
SAME_USAGE = ("CPU_USAGE", "CPU_USAGE_2")

Measurement = Literal[
    "CPU_USAGE",
    "CPU_USAGE_2",
    "MEMORY_USAGE_GB",
    "DISK_USAGE_GB",
    "EPHEMERAL_DISK_USAGE_GB",
    "BACKUP_USAGE_GB",
    "NETWORK_TX_GB",
]


class Price(Declared):
    """Line of the price table, in dollars."""

    measurement: Measurement = Field(description="What is metered.")
    valid_from: date = Field(description="First UTC day on which the price holds.")
    dollars: Decimal = Field(ge=0, description="Price of one unit for a month, or GB.")

    @property
    def unit(self) -> str:
        """Return the unit that quantities come in."""
        return UNITS[self.measurement]

    @cached_property
    def per_unit(self) -> Fraction:
        """Return the price of a unit, exactly."""
        price = Fraction(self.dollars)
        return price if self.unit == "GB" else price / MINUTES_PER_MONTH


_DOCUMENTED_ON = date(2026, 8, 1)
DOCUMENTED_PRICES = tuple(
    Price(measurement=name, valid_from=_DOCUMENTED_ON, dollars=Decimal(dollars))
    for name, dollars in (
        ("CPU_USAGE", "20"),
        ("MEMORY_USAGE_GB", "10"),
        ("DISK_USAGE_GB", "0.15"),
        ("BACKUP_USAGE_GB", "0.15"),
        ("NETWORK_TX_GB", "0.05"),
    )
)


class PriceTable:
    """Documented prices, with additions and replacements of the settings.

    Parameters
    ----------
    prices : sequence of Price
        They are added; a price of the same measurement and day replaces a documented
        price.

    Raises
    ------
    ValueError
        Both measurements of the same CPU time have a price, or either has two prices
        from the same day on.
    """

    def __init__(self, prices: Sequence[Price] = ()) -> None:
        own = {(price.measurement, price.valid_from): price for price in prices}
        if len(own) < len(prices):
            message = "has two prices of one measurement from the same day on"
            raise ValueError(message)
        priced = {price.measurement for price in prices}
        # A price for either measurement of CPU time does not imply the other as well.
        left_out = set(SAME_USAGE) - priced if priced & set(SAME_USAGE) else set()
        documented = {
            (price.measurement, price.valid_from): price
            for price in DOCUMENTED_PRICES
            if price.measurement not in left_out
        }
        self._prices = sorted(
            (documented | own).values(), key=lambda price: price.valid_from
        )
        if set(SAME_USAGE) <= self.measurements:
            message = "prices CPU_USAGE and CPU_USAGE_2, which count the same twice"
            raise ValueError(message)

    @property
    def measurements(self) -> set[str]:
        """Return the measurements with a price at some time."""
        return {price.measurement for price in self._prices}

    def on(self, day: date, *, where: str) -> dict[str, Price]:
        """Return the price of each measurement on a day.

        Raises
        ------
        FatalSourceError
            A measurement has no price yet on that day.
        """
        valid: dict[str, Price] = {
            price.measurement: price
            for price in self._prices
            if price.valid_from <= day
        }
        missing = sorted(self.measurements - valid.keys())
        if missing:
            raise FatalSourceError(
                f"There is no price of {', '.join(missing)} for {day}.",
                where=where,
                next_step="Add one with an earlier 'valid_from' to 'prices', or set"
                " 'start_date' to the first day to read.",
            )
        return valid

    def digest_text(self) -> str:
        """Return a text that differs where a price differs."""
        return repr([price.model_dump(mode="json") for price in self._prices])


@dataclass(frozen=True, slots=True)
class Scaled:
    """Estimates settled by an invoice: their amounts, and the factor."""

    amounts: Mapping[str, Decimal]
    factor: Decimal


def amount(quantity: Decimal, price: Price) -> Decimal:
    """Return quantity times price, rounded once to eighteen decimals.

    Examples
    --------
    >>> cpu = DOCUMENTED_PRICES[0]
    >>> amount(Decimal("43200"), cpu)
    Decimal('20.000000000000000000')
    >>> amount(Decimal("1"), cpu)
    Decimal('0.000462962962962963')
    """
    return from_fraction(Fraction(quantity) * price.per_unit)


def from_fraction(value: Fraction) -> Decimal:
    """Return a fraction as a decimal of eighteen places, half to even."""
    return _from_units(round(value * _ONE))


def exact_sum(values: Iterable[Decimal]) -> Decimal:
    """Return a sum of which no digit is rounded away."""
    with localcontext(prec=_MOST_DIGITS):
        return sum(values, Decimal(0))


def scale(estimates: Mapping[str, Decimal], invoiced: Decimal) -> Scaled | None:
    """Divide an invoiced amount in proportion to estimates; it adds up exactly.

    The rounding remainder goes to the largest estimate, the first by key among equal
    estimates.

    Parameters
    ----------
    estimates : mapping of str to Decimal
        Estimated amounts by line, none of them negative.
    invoiced : Decimal
        Invoiced amount that replaces them.

    Returns
    -------
    Scaled or None
        ``None`` where the estimates are all zero: there is nothing to scale.

    Examples
    --------
    >>> scaled = scale({"a": Decimal(1), "b": Decimal(2)}, Decimal("1.00"))
    >>> scaled.amounts["a"], scaled.amounts["b"]
    (Decimal('0.333333333333333333'), Decimal('0.666666666666666667'))
    """
    total = sum(map(Fraction, estimates.values()), Fraction(0))
    if total == 0:
        return None
    factor = Fraction(invoiced) / total
    units = {
        key: int(Fraction(value) * factor * _ONE) for key, value in estimates.items()
    }
    largest = min(estimates, key=lambda key: (-estimates[key], key))
    units[largest] += int(Fraction(invoiced) * _ONE) - sum(units.values())
    amounts = {key: _from_units(value) for key, value in units.items()}
    return Scaled(amounts, from_fraction(factor))


def _from_units(units: int) -> Decimal:
    return Decimal(units).scaleb(-_DECIMALS, _PRECISE)
