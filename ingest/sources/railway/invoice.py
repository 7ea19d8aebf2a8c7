"""Railway invoice as its API returns it, in units set by a convention."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from ingest.sources.railway.periods import Period, to_moment
from ingest.sources.railway.prices import from_fraction

if TYPE_CHECKING:
    from collections.abc import Mapping

_FINAL = frozenset({"open", "paid", "uncollectible"})
_VOID = frozenset({"void"})


@dataclass(frozen=True, slots=True)
class Item:
    """Item of an invoice."""

    product_id: str
    price_id: str
    price: Decimal | None
    quantity: Decimal | None

    def amount(self, price_for: str) -> Decimal:
        """Return its amount in dollars; nothing where it has no price."""
        price = Fraction(self.price or 0)
        quantity = Fraction(1 if self.quantity is None else self.quantity)
        return from_fraction(price if price_for == "all" else price * quantity)


@dataclass(frozen=True, slots=True)
class Invoice:
    """Invoice as returned; a convention gives its units."""

    invoice_id: str
    period: Period
    status: str
    total: Decimal
    due: Decimal
    paid: Decimal
    items: tuple[Item, ...]

    @property
    def is_final(self) -> bool:
        """Return True if it is owed or paid."""
        return self.status in _FINAL

    @property
    def is_void(self) -> bool:
        """Return True if it was cancelled."""
        return self.status in _VOID

    @property
    def payable(self) -> Decimal:
        """Return the payable amount, paid or not."""
        return max(self.due, self.paid)


def parse_invoice(answer: Mapping[str, Any], *, where: str) -> Invoice:
    """Return an invoice as the API answers it.

    Raises
    ------
    MalformedDeliveryError
        Its period cannot be read.
    """
    invoice_id = str(answer["invoiceId"])
    here = f"{where}, invoice {invoice_id}"
    return Invoice(
        invoice_id=invoice_id,
        period=Period(
            to_moment(answer["periodStart"], where=here),
            to_moment(answer["periodEnd"], where=here),
        ),
        status=str(answer.get("status") or "").casefold(),
        total=Decimal(str(answer["total"])),
        due=Decimal(str(answer["amountDue"])),
        paid=Decimal(str(answer["amountPaid"])),
        items=tuple(map(_parse_item, answer["items"])),
    )


def _parse_item(answer: Mapping[str, Any]) -> Item:
    price, quantity = answer.get("priceDollars"), answer.get("quantity")
    return Item(
        product_id=str(answer["productId"]),
        price_id=str(answer["priceId"]),
        price=None if price is None else Decimal(str(price)),
        quantity=None if quantity is None else Decimal(str(quantity)),
    )
