"""In which units Railway's invoices are written, found out from invoices themselves.

The API does not report if ``total`` and ``amountDue`` are in dollars or cents, nor if
an item's ``priceDollars`` is for a unit of its ``quantity`` or for all of them. An
invoice is evidence where exactly 1 reading makes its items add up to its total, or its
total equal to the payable amount. Where none decides, or two contradict each other,
nothing is assumed: a wrong guess is a hundred times too much.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from ingest.sources.railway.prices import exact_sum
from triptych.core.declared import Declared
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ingest.sources.railway.invoice import Invoice

Unit = Literal["dollars", "cents"]
PriceFor = Literal["one", "all"]

_PER_DOLLAR: dict[str, int] = {"dollars": 1, "cents": 100}
_PRICE_FOR: tuple[PriceFor, ...] = ("one", "all")


class InvoiceUnits(Declared):
    """Units of invoices; missing units are derived from the invoices."""

    total: Unit | None = Field(default=None, description="Unit of 'total'.")
    amount_due: Unit | None = Field(
        default=None, description="Unit of 'amountDue' and 'amountPaid'."
    )
    price_for: PriceFor | None = Field(
        default=None, description="Is an item's price for one of its quantity, or all?"
    )


@dataclass(frozen=True, slots=True)
class Convention:
    """The units that all invoices of a workspace are written in."""

    total: str
    amount_due: str
    price_for: str

    def total_of(self, invoice: Invoice) -> Decimal:
        """Return the total in dollars.

        A total in whole dollars has lost its cents, so where it agrees with the payable
        amount except for them, that is the total.
        """
        total = invoice.total / _PER_DOLLAR[self.total]
        payable = self.payable_of(invoice)
        is_without_cents = self.total == "dollars" and abs(payable - total) < 1
        return payable if is_without_cents else total

    def payable_of(self, invoice: Invoice) -> Decimal:
        """Return the amount to pay in dollars; a void invoice has none."""
        if invoice.is_void:
            return Decimal(0)
        return invoice.payable / _PER_DOLLAR[self.amount_due]


def derive_convention(
    invoices: Iterable[Invoice], invoice_units: InvoiceUnits, *, where: str
) -> Convention:
    """Return the units that every invoice agrees with.

    Parameters
    ----------
    invoices : iterable of Invoice
        All that the workspace has; those that are neither owed nor paid are no
        evidence.
    invoice_units : InvoiceUnits
        Units given in the settings; they are not derived.
    where : str
        Origin of the invoices, for messages.

    Raises
    ------
    MalformedDeliveryError
        No invoice decides, or two decide differently.
    """
    counted = [i for i in invoices if i.is_final and i.total != 0]
    price_for = invoice_units.price_for or _agreed(
        "whether 'priceDollars' is for one of a quantity or for all of it",
        "price_for",
        [_price_readings(invoice, invoice_units.total) for invoice in counted],
        default="one" if not any(map(_has_quantities, counted)) else None,
        where=where,
    )
    total = invoice_units.total or _agreed(
        "whether 'total' is in dollars or cents",
        "total",
        [
            *(_total_readings(invoice, price_for) for invoice in counted),
            *(_ratio_readings(invoice) for invoice in counted),
        ],
        default=None if counted else "dollars",
        where=where,
    )
    amount_due = invoice_units.amount_due or _agreed(
        "whether 'amountDue' is in dollars or cents",
        "amount_due",
        [_due_readings(invoice, total) for invoice in counted],
        default=None if any(i.payable for i in counted) else "dollars",
        where=where,
    )
    return Convention(total, amount_due, price_for)


def _has_quantities(invoice: Invoice) -> bool:
    return any(item.quantity not in (None, 1) for item in invoice.items)


def _price_readings(invoice: Invoice, total: str | None) -> set[str]:
    units = (total,) if total else tuple(_PER_DOLLAR)
    return {
        price_for
        for price_for in _PRICE_FOR
        if any(_adds_up(invoice, price_for, unit) for unit in units)
    }


def _total_readings(invoice: Invoice, price_for: str) -> set[str]:
    return {unit for unit in _PER_DOLLAR if _adds_up(invoice, price_for, unit)}


def _adds_up(invoice: Invoice, price_for: str, unit: str) -> bool:
    amounts = exact_sum(item.amount(price_for) for item in invoice.items)
    # The total is a whole number: fractions of its unit are missing in it.
    return abs(amounts * _PER_DOLLAR[unit] - invoice.total) < 1


def _ratio_readings(invoice: Invoice) -> set[str]:
    # A total of a hundred times the payable amount: cents against dollars.
    is_in_cents = invoice.payable and invoice.payable * 100 == invoice.total
    return {"cents"} if is_in_cents else set()


def _due_readings(invoice: Invoice, total: str) -> set[str]:
    dollars = invoice.total / _PER_DOLLAR[total]
    tolerance = 1 if total == "dollars" else 0
    return {
        unit
        for unit, per_dollar in _PER_DOLLAR.items()
        if invoice.payable
        and _is_near(invoice.payable / per_dollar, dollars, tolerance)
    }


def _is_near(one: Decimal, other: Decimal, tolerance: int) -> bool:
    return one == other or abs(one - other) < tolerance


def _agreed(
    question: str,
    option: str,
    readings: Sequence[set[str]],
    *,
    default: str | None,
    where: str,
) -> str:
    decided = {next(iter(reading)) for reading in readings if len(reading) == 1}
    if len(decided) == 1:
        return decided.pop()
    if not decided and default is not None:
        return default
    how = "Two invoices disagree" if decided else "No invoice tells"
    raise MalformedDeliveryError(
        f"{how} {question}, so no amount of an invoice is read.",
        where=where,
        next_step="Compare an invoice with its PDF, and set"
        f" '{option}' under 'invoice_units'. Usage stays estimated until then.",
    )
