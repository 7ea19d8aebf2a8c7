"""Delivered money, rates and quantities in doubt, as the published run names them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

if TYPE_CHECKING:
    from collections.abc import Collection
    from decimal import Decimal

    from triptych.core.warehouse.reader import Snapshot

#: Closing a month signs its charges and meters, so these are red in open months alone.
_IN_DOUBT = """
    SELECT rule_id, source, description, issues.billing_month, currency,
        affected_billed_cost AS amount,
        rule_id IN ('B1', 'F1', 'R2') OR (
            rule_id IN ('C1', 'C2', 'C3', 'F3', 'Q1', 'Q2', 'R1')
            AND coalesce(states.state, 'open') NOT IN ('locked', 'restated')
        ) AS is_red
    FROM core.mart_data_quality_issues AS issues
    LEFT JOIN (
        SELECT DISTINCT billing_month, state FROM cost.mart_period_states
    ) AS states ON issues.billing_month = states.billing_month
    WHERE rule_id IN ('B1', 'C1', 'C2', 'C3', 'F1', 'F2', 'F3', 'Q1', 'Q2', 'R1', 'R2')
    ORDER BY is_red DESC, abs(affected_billed_cost) DESC NULLS LAST,
        issues.billing_month DESC, source, rule_id
"""


@dataclass(frozen=True, slots=True)
class DoubtfulInput:
    """What a source delivered that is probably not meant.

    ``amount`` is the billed cost in ``currency`` that it touches; None: not known.
    """

    rule_id: str
    source: str
    description: str
    billing_month: str
    currency: str | None
    amount: Decimal | None
    is_red: bool

    @property
    def what(self) -> str:
        """The finding with its money and month."""
        text = f"{self.source}: {self.description}"
        if self.amount is None or not self.currency:
            return text
        return f"{text} {self.currency} {self.amount:,.2f} of {self.billing_month}."

    def __str__(self) -> str:
        """Return the finding, its money, and the command that follows a correction."""
        return f'{self.what} Then run "triptych run".' if self.is_red else self.what


def read_doubtful_inputs(
    snapshot: Snapshot, months: Collection[str] = ()
) -> list[DoubtfulInput]:
    """Return what is in doubt in a published run: red first, then the most money.

    Of months where some are given. A finding without money counts once for all months.
    """
    try:
        rows = snapshot.query(_IN_DOUBT).to_pylist()
    except (duckdb.CatalogException, duckdb.BinderException):
        return []  # published by a version that had no such mart
    doubts: dict[str, DoubtfulInput] = {}
    for row in rows:
        doubt = DoubtfulInput(**row)
        if not months or doubt.billing_month in months:
            doubts.setdefault(doubt.what, doubt)
    return list(doubts.values())
