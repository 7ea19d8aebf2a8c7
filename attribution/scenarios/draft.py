"""What a month costs and brings while changes act on it: factors and what is added.

Nearly every change multiplies, so that the order of changes cannot matter. Arrays have
the shape (worlds or 1, months) and are broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from attribution.roi.register import ALL, Assumed, month_start

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from attribution.roi.worlds import Worlds
    from attribution.scenarios.projection import Projection

    Floats = NDArray[np.float64]


@dataclass(eq=False, slots=True)
class Draft:
    """The months of a horizon while a scenario is worked out.

    Attributes
    ----------
    costs : list of ndarray
        Of each line of the projection.
    benefits : dict of str to ndarray
        Factors of the effect, by feature.
    hours : dict of str to ndarray
        A month, by feature.
    one_offs : dict of str or None to list of Assumed
        What is spent once, by feature; ``None``: of no feature.
    unused : ndarray
        What is paid for a commitment where nothing is left to use it.
    """

    projection: Projection
    worlds: Worlds
    costs: list[Floats]
    benefits: dict[str, Floats]
    hours: dict[str, Floats]
    one_offs: dict[str | None, list[Assumed]] = field(default_factory=dict)
    unused: Floats = field(default_factory=lambda: np.zeros((1, 1)))

    @classmethod
    def of(cls, projection: Projection, worlds: Worlds) -> Draft:
        """Return a draft in which nothing is changed."""
        ones = np.ones((1, projection.count))
        return cls(
            projection,
            worlds,
            costs=[line.cost * ones for line in projection.lines],
            benefits=dict.fromkeys(projection.features, ones),
            hours={name: projection.hours[name] * ones for name in projection.features},
        )

    def multiply(self, lines: Iterable[int], factor: Floats) -> None:
        """Multiply the cost of lines."""
        for number in lines:
            self.costs[number] = self.costs[number] * factor

    def from_month(self, month: int, value: Floats, *, before: float = 1.0) -> Floats:
        """Return a value by world from a month on, counted from 1."""
        starts = np.arange(1, self.projection.count + 1) >= month
        return np.where(starts[None, :], value[:, None], before)

    def path(self, factor: Floats, *, month: int, over_months: int) -> Floats:
        """Return a factor that is reached in even steps over some months."""
        passed = np.arange(1, self.projection.count + 1) - month + 1
        progress = np.clip(passed / over_months, 0.0, 1.0)
        return np.asarray(1.0 + (factor[:, None] - 1.0) * progress[None, :])

    def growth(self, factor_per_year: Floats, *, month: int) -> Floats:
        """Return a factor that grows by the same part each month."""
        passed = np.maximum(np.arange(1, self.projection.count + 1) - month + 1, 0)
        return np.asarray(factor_per_year[:, None] ** (passed[None, :] / 12.0))

    def spend_once(
        self, feature_id: str | None, one: Assumed, *, month: int, over_months: int = 1
    ) -> None:
        """Add what is spent in a month, or in equal parts from it on."""
        start = month_start(self.projection.month_of(month))
        spent = Assumed(
            one.id,
            one.version,
            kind="integration",
            value=one.value,
            unit=one.unit,
            valid_from=start,
            low=one.low,
            high=one.high,
            feature_id=feature_id or ALL,
            months=over_months,
        )
        self.one_offs.setdefault(feature_id, []).append(spent)

    def cost_of(self, feature_id: str | None) -> Floats:
        """Return the cost of a feature, or of what belongs to none."""
        found = self.unused if feature_id is None else np.zeros((1, 1))
        total: Floats = found + np.zeros((1, self.projection.count))
        for line, cost in zip(self.projection.lines, self.costs, strict=True):
            if line.feature_id == feature_id:
                total = total + cost
        return total


__all__ = ["Draft"]
