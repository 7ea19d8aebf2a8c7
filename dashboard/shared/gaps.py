"""What a period is known to lack, and whether it matters to a figure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from dashboard.shared import format as fmt

#: Money, or an estimate of it, or what is not known.
Amount: TypeAlias = Decimal | float | None


@dataclass(frozen=True, slots=True)
class MonthGap:
    """What a period is known to lack.

    Attributes
    ----------
    lacks : tuple of str
        In words; empty where nothing is known to be missing.
    row_count : int
        Charges that were refused.
    amount : Decimal or None
        What is missing at most; ``None``: not known.
    unconverted : tuple of (str, Decimal)
        Currency and amount of what could not be converted.
    total : Decimal or None
        AI cost of the period, compared with ``amount`` where no figure is named.
    materiality_ratio : float
        From this part of a figure on, what is missing is material to it.
    """

    lacks: tuple[str, ...]
    row_count: int
    amount: Decimal | None
    currency: str
    unconverted: tuple[tuple[str, Decimal], ...]
    total: Decimal | None
    materiality_ratio: float

    def is_material(self, figure: Amount = None) -> bool:
        """Return whether what is missing could change a figure enough to matter."""
        if not self.lacks:
            return False
        compared = self.total if figure is None else figure
        if self.amount is None or self.unconverted or compared is None:
            return True
        return float(self.amount) >= self.materiality_ratio * abs(float(compared))

    @property
    def size(self) -> str:
        """How many rows are missing, and how much money that is at most."""
        parts = [
            f"{fmt.money(amount, currency)} not converted"
            for currency, amount in self.unconverted
        ]
        if self.row_count:
            parts.append(f"{fmt.plural(self.row_count, 'row')} missing")
        elif not parts:
            parts.append("exchange rate missing")
        if self.amount is None:
            parts.append("amount unknown")
        elif self.row_count:
            parts.append(f"≤ {fmt.money(self.amount, self.currency)}")
        return " · ".join(parts)

    def note(self, *, is_material: bool) -> str:
        """Say what is missing, how much that is, and what it means for totals."""
        if not self.lacks:
            return ""
        totals = (
            "Every total here reads “at least” and leaves it out."
            if is_material
            else "It is in no total."
        )
        return f"{'; '.join(self.lacks)}. Together: {self.size}. {totals}"

    @property
    def completeness(self) -> str:
        """Whether something is known to be missing from the totals, and what."""
        if not self.lacks:
            return "complete"
        named = "; ".join(self.lacks)
        if self.is_material():
            return f"at least: {named}"
        return f"complete but for {self.size}: {named}"
