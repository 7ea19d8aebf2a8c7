"""Known gaps of a period, and their materiality to a figure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TypeAlias

from dashboard.shared import format as fmt

#: Money, or an estimate of it, or unknown.
Amount: TypeAlias = Decimal | float | None


@dataclass(frozen=True, slots=True)
class MonthGap:
    """Known gap of a period.

    Attributes
    ----------
    lacks : tuple of str
        In words; empty where nothing is known to be missing.
    row_count : int
        Charges that were refused.
    amount : Decimal or None
        Maximum missing amount; ``None``: not known.
    unconverted : tuple of (str, Decimal)
        Currency and amount of charges that could not be converted.
    total : Decimal or None
        AI cost of the period, compared with ``amount`` where no figure is named.
    materiality_ratio : float
        Share of a figure from which missing data is material to it.
    """

    lacks: tuple[str, ...]
    row_count: int
    amount: Decimal | None
    currency: str
    unconverted: tuple[tuple[str, Decimal], ...]
    total: Decimal | None
    materiality_ratio: float

    def is_material(self, figure: Amount = None) -> bool:
        """Return True if missing data could change a figure enough to matter."""
        if not self.lacks:
            return False
        compared = self.total if figure is None else figure
        if self.amount is None or self.unconverted or compared is None:
            return True
        return float(self.amount) >= self.materiality_ratio * abs(float(compared))

    @property
    def size(self) -> str:
        """Return the number of missing rows, and their maximum amount."""
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
        """Describe the missing data, its size, and its effect on totals."""
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
        """Return the known gaps of the totals, if any."""
        if not self.lacks:
            return "complete"
        named = "; ".join(self.lacks)
        if self.is_material():
            return f"at least: {named}"
        return f"complete but for {self.size}: {named}"
