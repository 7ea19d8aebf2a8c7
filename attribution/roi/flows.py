"""Money by world and month: benefit and cost of a feature.

Benefit is the effect times its conversion, times the margin where revenue is converted.
Cost is the reconciled cost of the models behind the feature, as the mart has it, and
beside it people and integration. A driver of both sides is drawn once.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.roi.baseline import Baseline
from attribution.roi.persistence import faded
from attribution.roi.register import month_end, month_start
from attribution.roi.worlds import WORLD_COUNT

if TYPE_CHECKING:
    from collections.abc import Callable

    from attribution.arrays import Flags, Floats
    from attribution.roi.claims import Claim
    from attribution.roi.register import Assumed
    from attribution.roi.worlds import Worlds

_MONTHS_OF_YEAR: Final = 12
#: Unit that is converted → hours per unit. Minutes per case and month are no such unit.
HOURS_IN_UNIT: Final = {"minute": 1.0 / 60.0, "hour": 1.0}


@dataclass(frozen=True, eq=False, slots=True)
class ValuedClaim:
    """Claim with its valuation in each of its months.

    ``margins`` is empty where the conversion takes no margin.
    """

    claim: Claim
    conversions: tuple[Assumed, ...]
    margins: tuple[Assumed, ...] = ()

    @property
    def assumed(self) -> tuple[Assumed, ...]:
        """Every version that it rests on."""
        return tuple(dict.fromkeys((*self.conversions, *self.margins)))

    @property
    def basis(self) -> tuple[str, ...]:
        """Return its basis: study, plan, data, and versions of assumptions."""
        claim = self.claim
        versions = sorted(assumption.versioned for assumption in self.assumed)
        return (claim.study_id, claim.evidence, *versions)

    @property
    def unapproved(self) -> tuple[str, ...]:
        """Names of the assumptions that it rests on and nobody approved."""
        return tuple(
            dict.fromkeys(
                assumption.id
                for assumption in self.assumed
                if not assumption.is_approved
            )
        )

    def benefit(self, worlds: Worlds) -> Floats:
        """Return money by world and month of the claim."""
        with np.errstate(invalid="ignore"):
            # An effect without bound that is worth nothing is not known either.
            money = np.asarray(self.claim.effects * self.worth_of_one(worlds))
        return faded(money, self.claim, worlds)

    def worth_of_one(self, worlds: Worlds) -> Floats:
        """Return the worth of an extra unit of the outcome by world and month."""
        signs = np.array([conversion.sign for conversion in self.conversions])
        worth = np.asarray(_by_month(self.conversions, worlds.of) * signs)
        return worth * _by_month(self.margins, worlds.of) if self.margins else worth

    @property
    def is_in_books(self) -> Flags:
        """Return a mask of the months with a benefit that shows in the books."""
        return np.array([how.is_cash is True for how in self.conversions])

    @property
    def hours(self) -> Floats | None:
        """Hours released by world and month, for an outcome that is a time."""
        factor = HOURS_IN_UNIT.get(self.conversions[-1].unit.partition("/")[2])
        if factor is None:
            return None
        signs = np.array([conversion.sign for conversion in self.conversions])
        return np.asarray(self.claim.effects * signs * factor)


def _by_month(
    assumed: tuple[Assumed, ...], values_of: Callable[[Assumed], Floats]
) -> Floats:
    # By identity: versions are compared field by field, and most months have the same.
    distinct = {id(each): each for each in assumed}
    values = {key: values_of(each) for key, each in distinct.items()}
    return np.column_stack([values[id(each)] for each in assumed])


@dataclass(frozen=True, eq=False, slots=True)
class Terms:
    """Everything that a return is made of, before anything is drawn.

    Attributes
    ----------
    months : tuple of str
        Months of the window, without gaps.
    cost : ndarray, shape (months,) or (worlds, months)
        The reconciled cost; money of the mart. By world in a scenario only.
    hours : ndarray, shape (months,) or (worlds, months)
        Hours booked on the feature; 0 where none were.
    labour : tuple of Assumed or None
        Cost of an hour, by month.
    integrations, drivers : tuple of Assumed
        Approved assumptions.
    discounts, hurdles : tuple of Assumed or None
        By month.
    baseline : Baseline
        Replaced cost, each month in which the change runs.
    is_running : ndarray of bool, shape (months,)
        True if it does, by month.
    """

    months: tuple[str, ...]
    claims: tuple[ValuedClaim, ...]
    cost: Floats
    hours: Floats
    labour: tuple[Assumed | None, ...] = ()
    integrations: tuple[Assumed, ...] = ()
    drivers: tuple[Assumed, ...] = ()
    discounts: tuple[Assumed | None, ...] = ()
    hurdles: tuple[Assumed | None, ...] = ()
    baseline: Baseline = field(default_factory=Baseline)
    is_running: Flags = field(default_factory=lambda: np.zeros(1, dtype=np.bool_))

    @property
    def assumed(self) -> tuple[Assumed, ...]:
        """Every version that the return rests on."""
        optional = (
            *self.labour,
            *self.discounts,
            *self.hurdles[-1:],
            self.baseline.declared,
        )
        found = [assumption for claim in self.claims for assumption in claim.assumed]
        found += [*self.integrations, *self.drivers]
        found += [one for one in optional if one is not None]
        return tuple(dict.fromkeys(found))

    def flows(self, worlds: Worlds) -> Flows:
        """Return the money of each world."""
        factor = self.driven_by(worlds)
        shape = (WORLD_COUNT, len(self.months))
        benefit, cash = np.zeros(shape), np.zeros(shape)
        place = {month: number for number, month in enumerate(self.months)}
        for claim in self.claims:
            columns = [place[month] for month in claim.claim.months]
            money = claim.benefit(worlds) * factor[:, columns]
            with np.errstate(invalid="ignore"):
                benefit[:, columns] += money
                cash[:, columns] += np.where(claim.is_in_books, money, 0.0)
        return Flows(
            self.months,
            benefit=_without_doubt(benefit),
            cash=_without_doubt(cash),
            cost=np.broadcast_to(self.cost * factor, shape),
            other=self._other(worlds, shape),
            replaced=self._replaced(worlds, factor),
            discount=self._discount(worlds, shape),
        )

    def _replaced(self, worlds: Worlds, factor: Floats) -> Floats:
        """Return the money that would have gone on, by world and month."""
        monthly = self.baseline.monthly(worlds)[:, None]
        return np.where(self.is_running, monthly * factor, 0.0)

    def driven_by(self, worlds: Worlds) -> Floats:
        """Return the common factor of benefit and cost by world and month."""
        if not self.drivers:
            return np.ones((WORLD_COUNT, len(self.months)))
        return np.column_stack([self.driven_in(month, worlds) for month in self.months])

    def driven_in(self, month: str, worlds: Worlds) -> Floats:
        """Return the factor by world in a month, of the window or not."""
        factor = np.ones(WORLD_COUNT)
        for driver in _in_force(self.drivers, month):
            factor = factor * worlds.of(driver)
        return factor

    def _other(self, worlds: Worlds, shape: tuple[int, int]) -> Floats:
        other = np.zeros(shape)
        for number, rate in enumerate(self.labour):
            hours = self.hours[..., number]
            if rate is not None and np.any(hours):
                other[:, number] += hours * worlds.of(rate)
        for number, month in enumerate(self.months):
            for integration in _in_force(self.integrations, month):
                if 0 <= _months_since(integration, month) < (integration.months or 1):
                    written_off = worlds.of(integration) / (integration.months or 1)
                    other[:, number] += written_off
        return other

    def _discount(self, worlds: Worlds, shape: tuple[int, int]) -> Floats | None:
        if not self.discounts or any(discount is None for discount in self.discounts):
            return None
        rates = tuple(discount for discount in self.discounts if discount)
        monthly = _by_month(
            rates, lambda rate: (1.0 + worlds.of(rate)) ** (-1.0 / _MONTHS_OF_YEAR)
        )
        product: Floats = np.cumprod(monthly, axis=1, dtype=np.float64)
        return np.broadcast_to(product, shape)


def _in_force(assumed: tuple[Assumed, ...], month: str) -> list[Assumed]:
    """Return the version of each in a month: the last that begins by then, or first."""
    version: dict[str, Assumed] = {}
    for known in sorted(assumed, key=lambda assumption: assumption.valid_from):
        if known.id not in version or known.valid_from < month_end(month):
            version[known.id] = known
    return list(version.values())


def _without_doubt(money: Floats) -> Floats:
    """Return money with a loss without bound where two bounds are unknown at once."""
    return np.where(np.isnan(money), -np.inf, money)


def _months_since(assumption: Assumed, month: str) -> int:
    start = month_start(month)
    return (start.year - assumption.valid_from.year) * _MONTHS_OF_YEAR + (
        start.month - assumption.valid_from.month
    )


@dataclass(frozen=True, eq=False, slots=True)
class Flows:
    """Money of a feature by world and month; all arrays have that shape.

    Attributes
    ----------
    benefit, cash : ndarray
        Worth of the effect, and the part of it that shows in the books.
    cost, other : ndarray
        The reconciled cost, and people and integration beside it.
    replaced : ndarray
        The cost that the change replaced, which is spent no more.
    discount : ndarray or None
        Worth of money of a month on the first day of the window; ``None`` without a
        discount rate.
    """

    months: tuple[str, ...]
    benefit: Floats
    cash: Floats
    cost: Floats
    other: Floats
    replaced: Floats
    discount: Floats | None

    @property
    def spent(self) -> Floats:
        """Cost of the change: all spend, less the cost it replaced."""
        return np.asarray(self.cost + self.other - self.replaced)

    @property
    def net(self) -> Floats:
        """Benefit less the cost of the change."""
        return np.asarray(self.benefit - self.spent)

    @property
    def present_net(self) -> Floats | None:
        """Net value by world, in money of the first day; ``None`` without a rate."""
        if self.discount is None:
            return None
        return np.asarray((self.net * self.discount).sum(axis=1))

    def of_month(self, number: int) -> Flows:
        """Return the flows of a single month, undiscounted."""
        return replace(self._part(number, number + 1), discount=None)

    def until(self, number: int) -> Flows:
        """Return the flows of the first months."""
        return self._part(0, number)

    def _part(self, start: int, stop: int) -> Flows:
        part = slice(start, stop)
        return Flows(
            self.months[part],
            benefit=self.benefit[:, part],
            cash=self.cash[:, part],
            cost=self.cost[:, part],
            other=self.other[:, part],
            replaced=self.replaced[:, part],
            discount=None if self.discount is None else self.discount[:, part],
        )
