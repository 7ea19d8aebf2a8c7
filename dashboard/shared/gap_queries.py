"""What the figures of a period lack, how much money that is at most, and if it matters.

What is missing is material to a figure if it could be a declared part of it or more
(``materiality_ratio``), or if nobody knows how much it is. Only then the figure reads
"at least"; what is missing is named in any case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dashboard.shared.measured import relation, whole
from dashboard.shared.published import per_run, rows

if TYPE_CHECKING:
    from decimal import Decimal

    from dashboard.shared.selection_queries import Selection
    from triptych.core.warehouse.reader import Snapshot


@dataclass(frozen=True, slots=True)
class RefusedCharges:
    """Charges of one item that were refused for one reason.

    ``amount`` is what they would have cost at most, ``None`` where that is not known;
    ``amount_basis`` says by what.
    """

    source: str
    subject: str
    reason: str
    row_count: int
    currency: str
    amount: Decimal | None
    amount_basis: str | None


@per_run
def refused_charges(
    snapshot: Snapshot, selection: Selection
) -> tuple[RefusedCharges, ...]:
    """Return what was refused of a period: unknown amounts, then the most money."""
    refused = relation(
        whole(selection),
        {"amount": "refused_amount", "row_count": "refused_rows"},
        by=("source", "subject", "reason", "currency"),
        months="chosen",
        lists=("amount_basis",),
    )
    found = rows(
        snapshot,
        f"select source, subject, reason, cast(row_count as bigint) as row_count,"
        f" currency, amount, amount_basis from {refused}"
        " order by amount desc nulls first, row_count desc, source, subject",
    )
    return tuple(RefusedCharges(**row) for row in found)
