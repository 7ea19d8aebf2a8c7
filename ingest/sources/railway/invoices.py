"""Railway's invoices: the meaning of their items, and their lines.

An item names a product and a price by their ids. Their meaning (metered usage, the
plan's fee, seats) is not in the API; it is in the settings. An invoice with an item
that is not described there is not used: its month stays estimated.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from pydantic import Field, model_validator

from ingest.sources.railway.prices import exact_sum
from triptych.core.declared import Declared

if TYPE_CHECKING:
    from collections.abc import Sequence
    from decimal import Decimal

    from ingest.sources.railway.invoice import Invoice, Item
    from ingest.sources.railway.units import Convention

ItemKind = Literal["usage", "plan_fee", "seats", "credit", "tax", "other"]

#: Nothing is owed yet, or no more.
_NOT_OWED = frozenset({"draft", "void"})

_NAMES: dict[str, str] = {
    "usage": "Metered usage, as invoiced",
    "plan_fee": "Plan fee",
    "seats": "Seats",
    "credit": "Credit",
    "tax": "Tax",
    "other": "Other item of the invoice",
}
_BEYOND_ITEMS = "Part of the invoice that none of its items states"
_APPLIED_CREDIT = "Credit applied to the invoice"


class InvoiceItem(Declared):
    """Meaning of the items of a product, or of any of its prices."""

    product_id: str | None = Field(default=None, description="Product of the item.")
    price_id: str | None = Field(default=None, description="Price of the item.")
    kind: ItemKind = Field(description="What it is.")
    description: str = Field(default="", description="What reports call it.")

    @model_validator(mode="after")
    def _names_something(self) -> InvoiceItem:
        if self.product_id is None and self.price_id is None:
            message = "needs 'product_id' or 'price_id'"
            raise ValueError(message)
        return self

    def is_about(self, item: Item) -> bool:
        """Return True if an invoice's item matches."""
        return self.product_id in (None, item.product_id) and self.price_id in (
            None,
            item.price_id,
        )


@dataclass(frozen=True, slots=True)
class Line:
    """Amount of an invoice, in dollars, with its meaning."""

    line_id: str
    kind: str
    amount: Decimal
    description: str
    product_id: str | None = None
    price_id: str | None = None


def why_unusable(invoice: Invoice, declared: Sequence[InvoiceItem]) -> str:
    """Return why an invoice cannot settle anything; empty if it can, or need not."""
    if invoice.status in _NOT_OWED:
        return ""
    if not invoice.is_final:
        return f"its status {invoice.status!r} does not tell whether it is owed"
    if any(item.price is None for item in invoice.items):
        return "one of its items has no price"
    unknown = sorted(
        {item.product_id for item in invoice.items if not _entry_of(item, declared)}
    )
    if unknown:
        return f"'invoice_items' does not describe {', '.join(unknown)}"
    return ""


def lines_of(
    invoice: Invoice, convention: Convention, declared: Sequence[InvoiceItem]
) -> list[Line]:
    """Return an invoice as lines in dollars that sum to the payable amount.

    Beside its items there is a line for the part of the total that the items do not
    explain (tax or a discount, mostly), and a line for credit that lowers the payable
    amount.
    """
    if invoice.is_void:
        return []
    lines = [
        _item_line(f"{invoice.invoice_id}/{number}", item, convention, declared)
        for number, item in enumerate(invoice.items)
    ]
    total = convention.total_of(invoice)
    beyond_items = exact_sum((total, *(-line.amount for line in lines)))
    credit = exact_sum((convention.payable_of(invoice), -total))
    extras = [
        Line(f"{invoice.invoice_id}/beyond", "other", beyond_items, _BEYOND_ITEMS),
        Line(f"{invoice.invoice_id}/credit", "credit", credit, _APPLIED_CREDIT),
    ]
    return [*lines, *(line for line in extras if line.amount != 0)]


def _item_line(
    line_id: str,
    item: Item,
    convention: Convention,
    declared: Sequence[InvoiceItem],
) -> Line:
    entry = _entry_of(item, declared)
    kind = entry.kind if entry else "other"
    return Line(
        line_id=line_id,
        kind=kind,
        amount=item.amount(convention.price_for),
        description=(entry.description if entry else "") or _NAMES[kind],
        product_id=item.product_id,
        price_id=item.price_id,
    )


def _entry_of(item: Item, declared: Sequence[InvoiceItem]) -> InvoiceItem | None:
    return next((entry for entry in declared if entry.is_about(item)), None)
