"""Units of invoices that the API does not tell, and the lines that they make."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from ingest.sources.railway.invoice import Invoice, parse_invoice
from ingest.sources.railway.invoices import InvoiceItem, lines_of, why_unusable
from ingest.sources.railway.units import Convention, InvoiceUnits, derive_convention
from triptych.core.errors import MalformedDeliveryError

PERIOD = ("2026-08-13T00:00:00Z", "2026-09-13T00:00:00Z")
NOTHING_SAID = InvoiceUnits()
DECLARED = [
    InvoiceItem(product_id="plan", kind="plan_fee", description="Pro plan"),
    InvoiceItem(price_id="price_seat", kind="seats"),
    InvoiceItem(product_id="usage", kind="usage"),
]


def an_invoice(
    *items: tuple[str, str | None, int | None],
    total: int,
    due: str,
    paid: str | None = None,
    status: str | None = "paid",
) -> Invoice:
    answer: dict[str, Any] = {
        "invoiceId": "in_1",
        "periodStart": PERIOD[0],
        "periodEnd": PERIOD[1],
        "total": total,
        "amountDue": Decimal(due),
        "amountPaid": Decimal(paid or due),
        "status": status,
        "items": [
            {
                "itemId": "i",
                "productId": product,
                "priceId": f"price_{product}",
                "priceDollars": None if price is None else Decimal(price),
                "quantity": quantity,
            }
            for product, price, quantity in items
        ],
    }
    return parse_invoice(answer, where="here")


def derived(*invoices: Invoice, said: InvoiceUnits = NOTHING_SAID) -> tuple[str, ...]:
    found = derive_convention(invoices, said, where="here")
    return (found.total, found.amount_due, found.price_for)


CENTS = an_invoice(("usage", "27.34", 1), total=2734, due="27.34")
SEATS = an_invoice(("seat", "10", 3), total=3000, due="30")
CREDITED = an_invoice(("usage", "27.34", 1), total=2734, due="20.00")


@pytest.mark.parametrize(
    ("invoices", "expected"),
    [
        pytest.param([], ("dollars", "dollars", "one"), id="no invoice, no matter"),
        pytest.param([CENTS], ("cents", "dollars", "one"), id="cents against dollars"),
        pytest.param(
            [an_invoice(("usage", "27.34", 1), total=2734, due="2734")],
            ("cents", "cents", "one"),
            id="everything in cents",
        ),
        pytest.param(
            [an_invoice(("usage", "27.34", None), total=27, due="27.34")],
            ("dollars", "dollars", "one"),
            id="a total that has lost its cents",
        ),
        pytest.param([SEATS], ("cents", "dollars", "one"), id="a price for each seat"),
        pytest.param(
            [an_invoice(("seat", "30", 3), total=3000, due="30")],
            ("cents", "dollars", "all"),
            id="a price for all seats",
        ),
        pytest.param(
            [CREDITED, CENTS],
            ("cents", "dollars", "one"),
            id="a credit on one, told by another",
        ),
        pytest.param(
            [an_invoice(("usage", "25.00", 1), total=2734, due="27.34")],
            ("cents", "dollars", "one"),
            id="tax on top, told by what is due",
        ),
        pytest.param(
            [an_invoice(("usage", "27.34", 1), total=2734, due="0", paid="27.34")],
            ("cents", "dollars", "one"),
            id="nothing due any more, told by what was paid",
        ),
    ],
)
def test_units_follow_from_an_invoice_that_adds_up(
    invoices: list[Invoice], expected: tuple[str, ...]
) -> None:
    assert derived(*invoices) == expected


@pytest.mark.parametrize(
    ("invoices", "question"),
    [
        pytest.param(
            [an_invoice(("usage", "25.00", 1), total=2734, due="2734")],
            "'total'",
            id="tax on top, and the same number due",
        ),
        pytest.param([CREDITED], "'amount_due'", id="a credit on the only one"),
        pytest.param(
            [an_invoice(("seat", "10", 3), total=3570, due="35.70")],
            "'price_for'",
            id="seats with tax on top",
        ),
        pytest.param(
            [CENTS, an_invoice(("usage", "2734", 1), total=2734, due="2734")],
            "'total'",
            id="two that disagree",
        ),
        pytest.param(
            [SEATS, an_invoice(("seat", "30", 3), total=3000, due="30")],
            "'price_for'",
            id="two that price seats differently",
        ),
    ],
)
def test_units_that_do_not_follow_are_refused_and_the_option_is_named(
    invoices: list[Invoice], question: str
) -> None:
    with pytest.raises(MalformedDeliveryError) as caught:
        derived(*invoices)

    assert question in str(caught.value)
    assert "invoice_units" in str(caught.value)


def test_what_the_settings_say_is_not_derived() -> None:
    said = InvoiceUnits(total="cents", amount_due="cents", price_for="all")

    assert derived(CREDITED, said=said) == ("cents", "cents", "all")


def test_a_draft_is_no_evidence() -> None:
    draft = an_invoice(("usage", "2734", 1), total=2734, due="2734", status="draft")

    assert derived(draft, CENTS) == ("cents", "dollars", "one")


def test_lines_add_up_to_what_is_to_be_paid() -> None:
    invoice = an_invoice(
        ("plan", "20.00", 1),
        ("seat", "10.00", 2),
        ("usage", "0.0075", 1200),
        total=5100,
        due="46.00",
    )
    lines = lines_of(invoice, Convention("cents", "dollars", "one"), DECLARED)

    assert [(line.kind, line.description, line.amount) for line in lines] == [
        ("plan_fee", "Pro plan", Decimal(20)),
        ("seats", "Seats", Decimal(20)),
        ("usage", "Metered usage, as invoiced", Decimal(9)),
        ("other", "Part of the invoice that none of its items states", Decimal(2)),
        ("credit", "Credit applied to the invoice", Decimal(-5)),
    ]
    assert sum(line.amount for line in lines) == Decimal(46)


def test_a_total_that_has_lost_its_cents_is_no_credit() -> None:
    invoice = an_invoice(("usage", "27.34", 1), total=27, due="27.34")
    lines = lines_of(invoice, Convention("dollars", "dollars", "one"), DECLARED)

    assert [line.amount for line in lines] == [Decimal("27.34")]


def test_a_void_invoice_has_no_lines() -> None:
    invoice = an_invoice(("plan", "20", 1), total=2000, due="20", status="void")

    assert lines_of(invoice, Convention("cents", "dollars", "one"), DECLARED) == []


@pytest.mark.parametrize(
    ("invoice", "reason"),
    [
        (an_invoice(("plan", "20", 1), total=2000, due="20"), ""),
        (an_invoice(("new", "20", 1), total=2000, due="20", status="draft"), ""),
        (an_invoice(("new", "20", 1), total=2000, due="20", status="void"), ""),
        (an_invoice(("new", "20", 1), total=2000, due="20"), "describe new"),
        (an_invoice(("plan", None, 1), total=2000, due="20"), "has no price"),
        (an_invoice(("plan", "20", 1), total=2000, due="20", status=None), "status ''"),
    ],
)
def test_an_invoice_that_cannot_be_used_says_why(invoice: Invoice, reason: str) -> None:
    said = why_unusable(invoice, DECLARED)

    assert reason in said
    assert bool(said) == bool(reason)
