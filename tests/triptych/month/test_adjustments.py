"""What a close says that it books, in words."""

from __future__ import annotations

from decimal import Decimal

from triptych.month.adjustments import BookedAdjustment, said_of


def test_an_adjustment_has_both_amounts_where_they_differ() -> None:
    alike = BookedAdjustment("2026-03", "EUR", 1, Decimal("1.5"), Decimal("1.5"))
    assert str(alike) == "EUR +1.50 about 2026-03 (1 item)"
    # A commitment was divided otherwise: no bill has changed.
    amortised = BookedAdjustment("2026-02", "USD", 1200, Decimal(0), Decimal(-7))
    assert said_of((alike, amortised)) == (
        " Booked with it: EUR +1.50 about 2026-03 (1 item),"
        " USD +0.00 billed and -7.00 effective about 2026-02 (1,200 items)."
    )
