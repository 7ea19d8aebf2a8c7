"""What to fix on *Data health*: the order, worked by hand."""

from __future__ import annotations

from decimal import Decimal

from dashboard.pages.data_health import to_fix

REASON = {
    "source": "aws",
    "reason": "unknown_currency",
    "row_count": 2,
    "currency": "EUR",
}


def test_what_lacks_most_comes_first_after_what_nobody_can_size() -> None:
    refused = [
        REASON | {"amount": Decimal(27), "money": None},
        REASON | {"amount": None, "money": "not known", "source": "gcp"},
        REASON | {"amount": None, "money": "no charge", "source": "argocd"},
    ]
    invoices = [
        {
            "currency": "USD",
            "not_invoiced": Decimal(6029),
            "not_invoiced_low": None,
            "not_invoiced_high": None,
            "unexplained_gross": 0,
        }
    ]
    found = [*to_fix.of_invoices(invoices), *to_fix.refused(refused)]
    rows = to_fix.ranked(found, "EUR")
    assert [(row["what"], row["amount"], row["bound"]) for row in rows] == [
        ("2 rows of gcp refused: unknown currency", None, None),
        # Dollars are no fewer euros than they say: they are not last for being dollars.
        ("Expected, not invoiced yet", Decimal(6029), "estimate"),
        ("2 rows of aws refused: unknown currency", Decimal(27), "at most"),
    ]
    assert rows[0]["why_no_amount"] == "not known"
