"""Railway billing period as charges: estimated until it is invoiced.

Before the invoice, a usage row bills nothing and its effective cost is quantity times
price. The invoice then gives the real cost of usage, and a single factor brings every
row of the period there; the factor is on each row. Everything else of an invoice is a
separate line, so the lines of an invoice add up to the payable amount.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ingest.sources.railway.prices import (
    Price,
    PriceTable,
    Scaled,
    amount,
    exact_sum,
    from_fraction,
    scale,
)
from triptych.core.errors import MalformedDeliveryError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from ingest.sources.railway.api import RailwayApi
    from ingest.sources.railway.invoice import Invoice
    from ingest.sources.railway.invoices import Line
    from ingest.sources.railway.periods import Period
    from ingest.sources.railway.places import Names, Place
    from ingest.sources.railway.units import Convention

CURRENCY = "USD"
_LARGEST = Decimal(10) ** 15
_NOTHING = Decimal(0)


@dataclass(frozen=True, slots=True)
class SettledInvoice:
    """An invoice that can be used, and its lines in dollars."""

    invoice: Invoice
    lines: tuple[Line, ...]

    @property
    def usage_amount(self) -> Decimal:
        """Return the amount that it charges for metered usage."""
        return exact_sum(line.amount for line in self.lines if line.kind == "usage")


@dataclass(frozen=True, slots=True)
class Bill:
    """Known facts of a billing period, beside its usage.

    ``reported_usage`` is Railway's own figure of the running period, which it keeps
    for a while and does not explain.
    """

    period: Period
    invoices: tuple[SettledInvoice, ...]
    workspace_id: str
    workspace_name: str
    names: Names
    reported_usage: Decimal | None = None

    def settling(self, now: datetime) -> SettledInvoice | None:
        """Return the invoice that settles the period's usage, once it exists.

        It covers the whole period, which is over. Of several, it is the invoice that
        charges most for usage.
        """
        if self.period.end > now:
            return None
        candidates = [
            i for i in self.invoices if i.invoice.period.is_about(self.period)
        ]
        return min(
            candidates,
            key=lambda i: (-i.usage_amount, i.invoice.invoice_id),
            default=None,
        )


@dataclass(frozen=True)
class UsageLine:
    """Measurement of a place on a day; no estimate if it is unreadable."""

    line_id: str
    day: Period
    place: Place
    region: str | None
    price: Price
    delivered: object
    quantity: Decimal | None

    @cached_property
    def estimate(self) -> Decimal | None:
        """Return quantity times price."""
        return None if self.quantity is None else amount(self.quantity, self.price)


def read_usage(
    api: RailwayApi, bill: Bill, prices: PriceTable, *, now: datetime, where: str
) -> list[UsageLine]:
    """Return the priced usage of every day of the period that has begun.

    Raises
    ------
    MalformedDeliveryError
        A day has a value that nobody asked for, or two for the same thing.
    FatalSourceError
        Something had no price yet on a day.
    """
    usage_lines: dict[str, UsageLine] = {}
    for day in bill.period.days():
        if day.start > now:
            break
        valid = prices.on(day.start.date(), where=where)
        for answer in api.usage(day, valid):
            line = _usage_line(answer, day, valid, bill.names)
            if line is None or line.line_id in usage_lines:
                how = "nobody asked for it" if line is None else "it comes twice"
                raise MalformedDeliveryError(
                    f"The usage of {day.start:%Y-%m-%d} has a value of"
                    f" {answer['measurement']}, though {how}.",
                    where=where,
                    next_step="Nothing of this period was loaded. Run again; if it"
                    " stays so, Railway's API may have changed.",
                )
            usage_lines[line.line_id] = line
    return [usage_lines[key] for key in sorted(usage_lines)]


def charge_rows(
    bill: Bill, usage: Sequence[UsageLine], *, now: datetime
) -> Iterator[dict[str, Any]]:
    """Yield the rows of stream ``railway_usage`` of a billing period."""
    settling = bill.settling(now)
    # A row that goes to quarantine takes no part of the divided amount.
    estimates = {
        line.line_id: line.estimate
        for line in usage
        if line.estimate is not None and line.estimate >= 0
    }
    scaled = scale(estimates, settling.usage_amount) if settling else None
    for line in usage:
        yield _usage_row(bill, line, settling, scaled)
    for settled in bill.invoices:
        is_divided = settled is settling and scaled is not None
        for invoice_line in settled.lines:
            if not (is_divided and invoice_line.kind == "usage"):
                yield _invoice_line_row(bill, settled.invoice, invoice_line)
    # If neither knows of any usage, a line would open a month that costs zero.
    if bill.reported_usage is not None and (usage or bill.reported_usage):
        yield _gap_row(bill, bill.reported_usage, exact_sum(estimates.values()))


def invoice_row(invoice: Invoice, units: Convention) -> dict[str, Any]:
    """Return an invoice as a row of stream ``invoices``: its payable total."""
    payable = units.payable_of(invoice)
    credit = exact_sum((payable, -units.total_of(invoice)))
    return {
        "invoice_id": invoice.invoice_id,
        "invoice_issuer_name": "Railway",
        "billing_period_start": invoice.period.start,
        "currency": CURRENCY,
        "invoiced_amount": payable,
        "credit_amount": credit if credit < 0 and not invoice.is_void else None,
        "status": invoice.status,
    }


def _usage_line(
    answer: Mapping[str, Any], day: Period, valid: Mapping[str, Price], names: Names
) -> UsageLine | None:
    price = valid.get(answer["measurement"])
    if price is None:
        return None
    tags = answer["tags"]
    parts = [f"{day.start:%Y-%m-%dT%H:%MZ}", price.measurement]
    parts += [
        tags.get(key) or "-"
        for key in ("projectId", "environmentId", "serviceId", "region")
    ]
    return UsageLine(
        line_id="usage/" + "/".join(parts),
        day=day,
        place=names.place(tags),
        region=tags.get("region"),
        price=price,
        delivered=answer["value"],
        quantity=_readable(answer["value"]),
    )


def _readable(value: object) -> Decimal | None:
    if isinstance(value, bool) or value is None:
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < _LARGEST else None


def _usage_row(
    bill: Bill, line: UsageLine, settling: SettledInvoice | None, scaled: Scaled | None
) -> dict[str, Any]:
    price, place = line.price, line.place
    quantity = None if line.quantity is None else from_fraction(Fraction(line.quantity))
    return {
        **_shared(bill, line.line_id, "usage"),
        **_amounts(line, settling, scaled),
        "charge_period_start": line.day.start,
        "charge_period_end": line.day.end,
        "list_cost": line.estimate,
        "list_unit_price": from_fraction(price.per_unit),
        "price_valid_from": price.valid_from,
        "quantity": quantity,
        "quantity_unit": price.unit,
        "measurement": price.measurement,
        "description": f"{price.measurement} in {price.unit}s",
        "project_id": place.project_id,
        "project_name": place.project,
        "environment_id": place.environment_id,
        "environment_name": place.environment,
        "service_id": place.service_id,
        "service_name": place.service,
        "region": line.region,
        "tags": place.tags,
        "delivered_value": None if line.delivered is None else str(line.delivered),
    }


def _amounts(
    line: UsageLine, settling: SettledInvoice | None, scaled: Scaled | None
) -> dict[str, Any]:
    """Return the cost of a usage row: estimate, or part of the invoice."""
    if settling is None:
        billed = None if line.estimate is None else _NOTHING
        return {
            "billed_cost": billed,
            "effective_cost": line.estimate,
            "is_estimated": True,
        }
    # Without an estimate above zero there is nothing to divide by.
    part = _NOTHING if scaled is None else scaled.amounts.get(line.line_id)
    cost = None if line.estimate is None else part if part is not None else _NOTHING
    return {
        "billed_cost": cost,
        "effective_cost": cost,
        "is_estimated": False,
        "invoice_id": settling.invoice.invoice_id,
        "invoice_factor": scaled.factor if scaled else None,
    }


def _invoice_line_row(bill: Bill, invoice: Invoice, line: Line) -> dict[str, Any]:
    kind = "invoiced_usage" if line.kind == "usage" else line.kind
    return {
        **_shared(bill, f"invoice/{line.line_id}", kind),
        "billed_cost": line.amount,
        "effective_cost": line.amount,
        "is_estimated": False,
        "charge_period_start": invoice.period.start,
        "charge_period_end": max(invoice.period.start, invoice.period.end),
        "description": line.description,
        "invoice_id": invoice.invoice_id,
        "product_id": line.product_id,
        "price_id": line.price_id,
    }


def _gap_row(bill: Bill, reported: Decimal, priced: Decimal) -> dict[str, Any]:
    gap = exact_sum((reported, -priced))
    return {
        **_shared(bill, "gap", "gap"),
        "billed_cost": _NOTHING,
        "effective_cost": _NOTHING,
        "is_estimated": True,
        "charge_period_start": bill.period.start,
        "charge_period_end": bill.period.end,
        "reported_usage_amount": reported,
        "priced_usage_amount": priced,
        "description": f"Railway reports {reported:.2f} USD of usage, the price table"
        f" says {priced:.2f} USD: a gap of {gap:.2f} USD",
    }


def _shared(bill: Bill, line_id: str, kind: str) -> dict[str, Any]:
    return {
        "line_id": line_id,
        "line_kind": kind,
        "currency": CURRENCY,
        "billing_period_start": bill.period.start,
        "billing_period_end": bill.period.end,
        "workspace_id": bill.workspace_id,
        "workspace_name": bill.workspace_name,
    }
