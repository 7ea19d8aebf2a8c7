"""What counts of bookings: the newest of each month, issuer and currency."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from triptych.core.control.periods import period_tables
from triptych.core.lake.audit_log import AuditEntry
from triptych.core.warehouse.locks import ACCRUED, history_of

if TYPE_CHECKING:
    from collections.abc import Iterator


def booking(
    position: int, month: str, amounts: dict[tuple[str, str], str]
) -> AuditEntry:
    """Return a booking of a month on the n-th day of April."""
    at = datetime(2026, 4, position)  # noqa: DTZ001  (UTC by convention)
    rows = [
        {
            "issuer_key": issuer,
            "currency": currency,
            "booked_amount": amount,
            "booked_amount_low": None,
            "booked_amount_high": None,
            "invoiced_when_booked_amount": "0",
            "booked_method": "bill",
            "booked_as_of": at.isoformat(),
        }
        for (issuer, currency), amount in amounts.items()
    ]
    detail = {
        **dict.fromkeys(("lock_id", "reason", "content_hash")),
        "billing_month": month,
        "actor": "Ana",
        "approver": "Ben",
        "rows": rows,
    }
    return AuditEntry(position, at, ACCRUED, detail, str(position))


def booked(*entries: AuditEntry) -> Iterator[tuple[object, ...]]:
    tables = {table.name: table for table in period_tables(history_of(entries), {})}
    for row in tables["booked_accruals"].rows:
        named = dict(zip(tables["booked_accruals"].columns, row, strict=True))
        day = named["booked_at"]
        assert isinstance(day, datetime)
        columns = ("billing_month", "issuer_key", "currency", "booked_amount")
        yield (*(named[column] for column in columns), day.day)


def test_a_booking_stays_when_others_of_its_month_are_booked_again() -> None:
    """Acme's invoice came after the 3rd, so only Best is booked again on the 8th."""
    first = booking(
        *(3, "2026-03"),
        {("acme", "EUR"): "100", ("best", "EUR"): "50", ("best", "USD"): "7"},
    )
    february = booking(4, "2026-02", {("best", "EUR"): "40"})
    again = booking(8, "2026-03", {("best", "EUR"): "52"})
    assert sorted(booked(first, february, again)) == [
        ("2026-02", "best", "EUR", "40", 4),
        ("2026-03", "acme", "EUR", "100", 3),
        ("2026-03", "best", "EUR", "52", 8),
        ("2026-03", "best", "USD", "7", 3),
    ]
