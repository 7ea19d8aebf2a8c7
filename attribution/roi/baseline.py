"""Baseline of a feature: the monthly cost without the change.

An approved assumption of kind ``replaced_cost`` comes first. Without it, the baseline
is the lowest of the last three months before the launch in which the feature had
served. The lowest, so that no peak and no parallel run before the launch passes for a
saving.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.roi.register import month_start
from attribution.roi.worlds import WORLD_COUNT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.arrays import Floats
    from attribution.roi.register import Assumed, Register
    from attribution.roi.worlds import Worlds

#: Months before the launch that are looked at.
LOOKED_AT: Final = 3
REPLACED_COST: Final = "replaced_cost"
#: Source of a baseline, as in ``baseline_source``.
DECLARED: Final = "declared"
DECLARED_NONE: Final = "declared_none"
MEASURED: Final = "measured"
NOTHING_BEFORE: Final = "nothing_before"
NOTHING_SERVED: Final = "nothing_served"
NOT_METERED: Final = "not_metered"


@dataclass(frozen=True, eq=False, slots=True)
class Costs:
    """The reconciled cost of a feature or a model.

    Attributes
    ----------
    by_month : mapping of str to float or None
        Money of the mart by billing month; ``None`` where a part has no amount in the
        reporting currency.
    hours : mapping of str to float
        Hours booked on it, of the months in which enough people booked them.
    has_hidden_hours : bool
        In other months too few people booked hours on it, which nobody is shown.
    served, unmetered : mapping of str to float or None
        The part of it of models that had answered requests by the end of the month, and
        that of models with requests that no meter counts.
    """

    by_month: Mapping[str, float | None]
    hours: Mapping[str, float]
    served: Mapping[str, float | None] | None = None
    unmetered: Mapping[str, float | None] | None = None
    has_hidden_hours: bool = False

    def in_month(self, month: str) -> float:
        """Return the cost of a month, 0 where there was none; NaN: not known."""
        return _amount(self.by_month, month)

    def served_in(self, month: str) -> float:
        """Return a month's cost of models that had served by then."""
        return _amount(self.served or {}, month)

    def unmetered_in(self, month: str) -> float:
        """Return a month's cost of unmetered models."""
        if self.served is None and self.unmetered is None:
            return self.in_month(month)
        return _amount(self.unmetered or {}, month)


def _amount(by_month: Mapping[str, float | None], month: str) -> float:
    """Return money of a month, 0 where there was none; NaN: not known."""
    amount = by_month.get(month, 0.0)
    return np.nan if amount is None else amount


@dataclass(frozen=True, eq=False, slots=True)
class Baseline:
    """Monthly cost replaced by a feature, and its source.

    Attributes
    ----------
    source : str
        A source code of this module.
    measured : float
        Money a month, where it was measured; else 0.
    month : str or None
        The month in which it was measured, ``YYYY-MM``.
    declared : Assumed or None
        The approved assumption, if any.
    """

    source: str = NOTHING_BEFORE
    measured: float = 0.0
    month: str | None = None
    declared: Assumed | None = None

    def monthly(self, worlds: Worlds) -> Floats:
        """Return money a month by world."""
        if self.declared is not None:
            return worlds.of(self.declared)
        return np.full(WORLD_COUNT, self.measured)

    def invested(self, costs: Costs, month: str) -> float:
        """Return the spend of a pre-launch month on making the change.

        The cost of models that had served is running cost of the earlier solution.
        Unmetered cost counts as investment, unless a declared baseline states that
        something ran.
        """
        spent = costs.in_month(month) - costs.served_in(month)
        if self.source == DECLARED:
            spent -= costs.unmetered_in(month)
        return spent


def baseline_of(
    feature_id: str, costs: Costs, first_month: str, register: Register
) -> Baseline:
    """Return a feature's baseline from the first month of its return on.

    Parameters
    ----------
    feature_id : str
        The feature.
    costs : Costs
        Its cost by month.
    first_month : str
        The first measured month, ``YYYY-MM``.
    register : Register
        Approved assumptions; the version that holds in the first month counts.
    """
    declared = register.one(
        REPLACED_COST, feature_id=feature_id, month=first_month, approved_only=True
    )
    if declared is not None:
        source = DECLARED if declared.value > 0 else DECLARED_NONE
        return Baseline(source, declared=declared)
    before = [month for month in costs.by_month if month < first_month]
    if not before:
        return Baseline(NOTHING_BEFORE)
    running = {
        month: costs.served_in(month)
        for month in _months_before(first_month)
        if costs.served_in(month) > 0
    }
    if running:
        lowest = min(running, key=lambda month: (running[month], month))
        return Baseline(MEASURED, running[lowest], lowest)
    is_unmetered = any(costs.unmetered_in(month) for month in before)
    return Baseline(NOT_METERED if is_unmetered else NOTHING_SERVED)


def _months_before(first_month: str) -> list[str]:
    """Return the months that a baseline is measured in, ``YYYY-MM``."""
    start = month_start(first_month)
    number = start.year * 12 + start.month - 1
    return [
        f"{(number - back) // 12:04d}-{(number - back) % 12 + 1:02d}"
        for back in range(LOOKED_AT, 0, -1)
    ]
