"""Draft of monthly cost and benefit: factors and additions of changes.

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

    from attribution.arrays import Floats
    from attribution.roi.worlds import Worlds
    from attribution.scenarios.projection import Projection


@dataclass(eq=False, slots=True)
class Draft:
    """The months of a horizon while a scenario is worked out.

    Attributes
    ----------
    benefits : dict of str to ndarray
        Factors of the effect, by feature.
    uses : dict of str or None to ndarray
        Factors of how much is served, by feature.
    hours : dict of str to ndarray
        A month, by feature.
    one_offs : dict of str or None to list of Assumed
        One-off spending, by feature; ``None``: of no feature.
    unused : ndarray
        Amount paid for a commitment where nothing is left to use it.
    """

    projection: Projection
    worlds: Worlds
    benefits: dict[str, Floats]
    uses: dict[str | None, Floats]
    hours: dict[str, Floats]
    one_offs: dict[str | None, list[Assumed]] = field(default_factory=dict)
    unused: Floats = field(default_factory=lambda: np.zeros((1, 1)))
    #: Factors, which of them are of use and which each line has, and products that
    #: lines have in common.
    _factors: list[Floats] = field(default_factory=list)
    _of_use: set[int] = field(default_factory=set)
    _of_line: dict[int, tuple[int, ...]] = field(default_factory=dict)
    _products: dict[tuple[int, ...], Floats] = field(default_factory=dict)

    @classmethod
    def of(cls, projection: Projection, worlds: Worlds) -> Draft:
        """Return a draft in which nothing is changed."""
        ones = np.ones((1, projection.count))
        return cls(
            projection,
            worlds,
            benefits=dict.fromkeys(projection.features, ones),
            uses=dict.fromkeys((*projection.features, None), ones),
            hours={name: projection.hours[name] * ones for name in projection.features},
        )

    def multiply(self, lines: Iterable[int], factor: Floats) -> None:
        """Multiply the cost of lines."""
        self._factors.append(factor)
        latest = len(self._factors) - 1
        for number in lines:
            self._of_line[number] = (*self._of_line.get(number, ()), latest)

    def grow(self, feature_id: str | None, path: Floats, elasticity: Floats) -> None:
        """Multiply use and effect by a path, and cost by its power to the elasticity.

        Parameters
        ----------
        feature_id : str or None
            Feature to grow; ``None``: everything.
        path : ndarray
            Factors of use.
        elasticity : ndarray, shape (worlds,)
            Growth of cost in per cent with 1 per cent of use.
        """
        lines = self.projection.lines
        numbers = range(len(lines))
        own = [n for n in numbers if feature_id in {None, lines[n].feature_id}]
        # Nothing to the power of nothing: a cost that does not grow with use stays.
        self.multiply(own, path ** elasticity[:, None])
        self._of_use.add(len(self._factors) - 1)
        for name in self.uses if feature_id is None else (feature_id,):
            self.uses[name] = self.uses[name] * path
            if name is not None:
                self.benefits[name] = self.benefits[name] * path

    def replace_growth(
        self, lines: Iterable[int], factor: Floats, *, month: int
    ) -> None:
        """Let a factor stand for how the cost of lines grows with use, from a month on.

        Until then it grows as it did.
        """
        starts = np.arange(1, self.projection.count + 1) >= month
        alike: dict[tuple[int, ...], list[int]] = {}
        for number in lines:
            known = self._of_line.get(number, ())
            growing = tuple(one for one in known if one in self._of_use)
            self._of_line[number] = tuple(n for n in known if n not in self._of_use)
            alike.setdefault(growing, []).append(number)
        for growing, own in alike.items():
            path = np.where(starts[None, :], factor, self._product(growing))
            self.multiply(own, path)

    def cost_of(self, lines: Iterable[int]) -> Floats:
        """Return the joint cost of lines; lines with the same factors are merged."""
        sums: dict[tuple[int, ...], float] = {}
        for number in lines:
            key = self._of_line.get(number, ())
            sums[key] = sums.get(key, 0.0) + self.projection.lines[number].cost
        total: Floats = np.zeros((1, self.projection.count))
        for key, cost in sums.items():
            total = total + cost * self._product(key)
        return total

    def _product(self, key: tuple[int, ...]) -> Floats:
        if not key:
            return np.ones((1, 1))
        if key not in self._products:
            self._products[key] = self._product(key[:-1]) * self._factors[key[-1]]
        return self._products[key]

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
        self,
        feature_id: str | None,
        assumption: Assumed,
        *,
        month: int,
        over_months: int = 1,
    ) -> None:
        """Add spending in a month, or in equal parts from it on."""
        start = month_start(self.projection.month_of(month))
        spent = Assumed(
            assumption.id,
            assumption.version,
            kind="integration",
            value=assumption.value,
            unit=assumption.unit,
            valid_from=start,
            low=assumption.low,
            high=assumption.high,
            feature_id=feature_id or ALL,
            months=over_months,
        )
        self.one_offs.setdefault(feature_id, []).append(spent)

    def cost_of_feature(self, feature_id: str | None) -> Floats:
        """Return the cost of a feature, or of lines that belong to none."""
        lines = self.projection.lines
        own = [n for n, line in enumerate(lines) if line.feature_id == feature_id]
        unused = self.unused if feature_id is None else 0.0
        return np.asarray(self.cost_of(own) + unused)
