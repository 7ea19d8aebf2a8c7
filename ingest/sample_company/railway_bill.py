"""Railway's month: usage that is estimated first, and settled by an invoice.

Railway reports quantities; each is an estimate at the price of its day. The invoice
then charges a whole number of cents for usage, and a single factor brings each line
there. Factors have two decimals and estimates four and a whole sum, so every settled
line has six decimals and nothing is rounded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING, Final

from ingest.sample_company.charges import RAILWAY_QUANTUM, Lines, Placement
from ingest.sample_company.money import UNITS
from ingest.sample_company.price_list import SKUS

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ingest.sample_company.charges import Charge, Kind
    from ingest.sample_company.timeline import Month

_HUNDREDTHS: Final = 100
#: Invoiced by estimated usage, in hundredths, month after month.
_FACTORS: Final = (97, 103, 99, 100, 96)
#: Plan fee, seats and their price [USD].
PLAN_FEE: Final = 20
SEATS: Final = 8
SEAT_PRICE: Final = 20
MONTHLY_FEES: Final = PLAN_FEE + SEATS * SEAT_PRICE
#: Credit on the invoice of the second month of the hybrid [USD].
CREDIT: Final = 25
#: Day from which the documented price of volumes holds, and the price before [USD].
DISK_PRICE_FROM: Final = date(2026, 8, 1)
EARLIER_DISK_PRICE: Final = "0.25"
_MINUTES_PER_MONTH: Final = 43_200
_PLAN: Final = Placement("direct", "team", "ml-platform")


@dataclass(frozen=True, slots=True)
class RailwayMonth:
    """A single billing period.

    Parameters
    ----------
    month : Month
        The period.
    estimates : tuple of Lines
        Usage as priced.
    settled : tuple of Lines
        The same as charged.
    fees : tuple of Lines
        Other lines of the invoice.
    usage_amount, credit_amount : int
        Invoiced amounts: usage, and deductions [units of USD].
    is_invoiced : bool
        There is an invoice.
    """

    month: Month
    estimates: tuple[Lines, ...]
    settled: tuple[Lines, ...]
    fees: tuple[Lines, ...]
    usage_amount: int
    credit_amount: int
    is_invoiced: bool

    @property
    def estimated_amount(self) -> int:
        """Return the usage at the prices of the price table [units of USD]."""
        return sum(int(lines.amount.sum()) for lines in self.estimates)


def minutes_per_dollar(measurement: str, day: date) -> int:
    """Return how much of a measurement a dollar buys: minutes, or gigabytes sent."""
    if measurement == "NETWORK_TX_GB":
        return 20
    hundredths = {"CPU_USAGE": 2_000, "MEMORY_USAGE_GB": 1_000, "DISK_USAGE_GB": 15}
    price = hundredths[measurement]
    if measurement == "DISK_USAGE_GB" and day < DISK_PRICE_FROM:
        price = 25
    return _MINUTES_PER_MONTH * _HUNDREDTHS // price


def railway_month(
    month: Month,
    charges: Sequence[Charge],
    draw: Callable[[Charge], Lines],
    *,
    is_invoiced: bool,
    has_credit: bool,
) -> RailwayMonth:
    """Draw the usage of a month, and settle it if there is an invoice."""
    factor = _FACTORS[month.index % len(_FACTORS)] if is_invoiced else _HUNDREDTHS
    estimates = _to_whole_dollars([draw(_estimated(c, factor)) for c in charges])
    kind: Kind = "usage" if is_invoiced else "estimate"
    settled = tuple(
        replace(
            lines,
            charge=replace(lines.charge, kind=kind),
            amount=lines.amount * factor // _HUNDREDTHS,
        )
        for lines in estimates
    )
    credit = CREDIT * UNITS if is_invoiced and has_credit else 0
    fees = _fees(charges[0], credit, draw) if is_invoiced else ()
    usage = sum(int(lines.amount.sum()) for lines in settled)
    return RailwayMonth(
        month, tuple(estimates), settled, fees, usage, credit, is_invoiced
    )


def _estimated(charge: Charge, factor: int) -> Charge:
    steps = round(charge.amount * _HUNDREDTHS / factor / RAILWAY_QUANTUM)
    return replace(charge, amount=steps * RAILWAY_QUANTUM)


def _to_whole_dollars(drawn: list[Lines]) -> list[Lines]:
    """Lower the first line so that the sum has no cents."""
    rest = sum(int(lines.amount.sum()) for lines in drawn) % UNITS
    amount = drawn[0].amount.copy()
    amount[amount.argmax()] -= rest
    return [replace(drawn[0], amount=amount), *drawn[1:]]


def _fees(
    usage: Charge, credit: int, draw: Callable[[Charge], Lines]
) -> tuple[Lines, ...]:
    base = replace(
        usage, kind="subscription", grain="month", pattern="flat", line_count=1,
        tags=(), placement=_PLAN,
    )  # fmt: skip
    plan = replace(base, name="plan", sku=SKUS["railway-plan"], amount=PLAN_FEE * UNITS)
    seats = replace(
        base, name="seats", sku=SKUS["railway-seats"], amount=SEATS * SEAT_PRICE * UNITS
    )
    charges = [plan, seats]
    if credit:
        sku, nobody = SKUS["railway-credit"], Placement("credit")
        taken = replace(base, name="credit", sku=sku, amount=-credit, placement=nobody)
        charges.append(replace(taken, kind="credit"))
    return tuple(map(draw, charges))
