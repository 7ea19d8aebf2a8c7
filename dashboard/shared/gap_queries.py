"""Missing data of a period, its maximum amount, and its materiality.

Missing data is material to a figure if it could be a declared part of it or more
(``materiality_ratio``), or if its amount is unknown. Only then the figure reads "at
least"; missing data is named in any case.
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
    """Charges of a single item that were refused for the same reason.

    ``amount`` is their maximum cost, ``None`` where that is not known; ``amount_basis``
    names the basis.
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
    """Return refused charges: unknown amounts, then the most money."""
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
