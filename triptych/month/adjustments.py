"""Adjustments to closed months that are booked with a later close."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from decimal import Decimal

    from triptych.core.warehouse.reader import Snapshot

_BOOKED_WITH = """
    SELECT locked_month, currency, count(*)::BIGINT AS item_count,
        sum(billed_cost) AS billed_cost, sum(effective_cost) AS effective_cost
    FROM cost.mart_period_adjustments
    WHERE booked_month = ? AND NOT is_in_ledger_of_booked_month
        AND kind <> 'currency_change'
    GROUP BY ALL ORDER BY ALL
"""


@dataclass(frozen=True, slots=True)
class BookedAdjustment:
    """Items about a closed month that no ledger has, in a single currency."""

    locked_month: str
    currency: str
    item_count: int
    billed_cost: Decimal
    effective_cost: Decimal

    def __str__(self) -> str:
        items = "1 item" if self.item_count == 1 else f"{self.item_count:,} items"
        amount = f"{self.billed_cost:+,.2f}"
        if self.effective_cost != self.billed_cost:
            amount += f" billed and {self.effective_cost:+,.2f} effective"
        return f"{self.currency} {amount} about {self.locked_month} ({items})"


def adjustments_booked_with(
    snapshot: Snapshot, period: str
) -> tuple[BookedAdjustment, ...]:
    """Return a month's booked adjustments, which stay with it once closed.

    Parameters
    ----------
    snapshot : Snapshot
        The published run.
    period : str
        The month that is closed, ``YYYY-MM``.
    """
    rows = snapshot.query(_BOOKED_WITH, [period]).to_pylist()
    return tuple(BookedAdjustment(**row) for row in rows)


def said_of(adjustments: tuple[BookedAdjustment, ...]) -> str:
    """Return a sentence with a space before it; nothing where there are none."""
    if not adjustments:
        return ""
    return f" Booked with it: {', '.join(map(str, adjustments))}."
