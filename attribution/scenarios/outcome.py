"""Outcome of a scenario per world: flows of returns by feature.

The functions are those of actuals: a case is made of claims, costs and the register,
its terms give flows, and figures are read off them. A scenario only changes their
inputs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.roi.baseline import Costs
from attribution.roi.feature_return import FeatureReturn
from attribution.roi.overlaps import overlaps_of
from attribution.roi.register import ALL, Assumed, month_start
from attribution.roi.valuing import Case, case_of, terms_of
from attribution.roi.worlds import WORLD_COUNT
from attribution.scenarios.draft import Draft
from attribution.scenarios.rules import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attribution.arrays import Floats
    from attribution.roi.flows import Flows, Terms
    from attribution.roi.worlds import Worlds
    from attribution.scenarios.binding import Bound
    from attribution.scenarios.projection import Projection

DISCOUNT_RATE: Final = "discount rate of the scenario"


@dataclass(frozen=True, eq=False, slots=True)
class Part:
    """A feature, or the cost without a feature, in every world.

    Attributes
    ----------
    feature_id : str or None
        ``None``: the part that belongs to no feature.
    case : Case or None
        Components of its return, or the reason that there is none.
    flows : Flows
        Its money. Benefit is 0 where none is known; see :attr:`is_known`.
    """

    feature_id: str | None
    case: Case | None
    flows: Flows

    @property
    def is_known(self) -> bool:
        """Return True if its benefit is known."""
        return self.case is not None and self.case.terms is not None

    @property
    def is_counted(self) -> bool:
        """Return True if its benefit counts: grade A or B, with approved values."""
        return self.case is not None and self.case.is_counted

    @property
    def counted_benefit(self) -> Floats:
        """Its benefit by world and month; 0 where that does not count."""
        return (
            self.flows.benefit if self.is_counted else np.zeros_like(self.flows.benefit)
        )


@dataclass(frozen=True, eq=False, slots=True)
class Outcome:
    """A scenario, or its base, worked out.

    ``factors`` are those of the effect by feature, ``overlap`` the amounts that
    features claim twice; both by world and month.
    """

    months: tuple[str, ...]
    parts: tuple[Part, ...]
    factors: Mapping[str, Floats]
    overlap: Floats

    @property
    def touched(self) -> frozenset[str]:
        """Features with an effect that was changed."""
        return frozenset(
            name for name, factor in self.factors.items() if (factor != 1).any()
        )

    @property
    def counted(self) -> list[Part]:
        """Features with a return that counts."""
        return [part for part in self.parts if part.is_counted]

    @property
    def has_discount(self) -> bool:
        """Return True if there is a discount rate for everything."""
        return all(part.flows.discount is not None for part in self.parts)

    @property
    def discount(self) -> Floats:
        """Value of a month's money at the start, by world and month."""
        found = self.parts[-1].flows.discount
        return np.ones((WORLD_COUNT, len(self.months))) if found is None else found

    @property
    def benefit(self) -> Floats:
        """Counted benefit, less double claims."""
        return sum_of(part.flows.benefit for part in self.counted) - self.overlap

    @property
    def cost(self) -> Floats:
        """Cost of all that is in scope."""
        return sum_of(part.flows.cost for part in self.parts)

    @property
    def other(self) -> Floats:
        """Cost of people and one-off spending."""
        return sum_of(part.flows.other for part in self.parts)

    @property
    def net(self) -> Floats:
        """Counted benefit, less the cost of the counted features.

        Cost that no counted return pays for is no part of it: the changes of a scenario
        to that cost are in its difference to the base.
        """
        spent = sum_of(part.flows.spent for part in self.counted)
        return np.asarray(self.benefit - spent)

    @property
    def present_net(self) -> Floats:
        """Net value by world in money of the first day."""
        return np.asarray((self.net * self.discount).sum(axis=1))


def sum_of(arrays: object) -> Floats:
    """Return a sum of money by world and month; unknown against unknown is a loss."""
    with np.errstate(invalid="ignore"):
        total = np.asarray(sum(arrays, np.zeros((WORLD_COUNT, 1))))  # type: ignore[call-overload]
    return np.where(np.isnan(total), -np.inf, total)


class Model:
    """Works a bound scenario out, as often as it is asked to, in any worlds.

    Parameters
    ----------
    found : Bound
        The scenario; a scenario without changes is its base.
    discount_rate : float or None
        A year, in place of the register's.
    """

    def __init__(self, found: Bound, *, discount_rate: float | None = None) -> None:
        self.bound = found
        self._rate = _rate(discount_rate)
        projection = found.projection
        self._cases = {name: _case(name, projection) for name in projection.features}
        self._names = {name: self._names_in(case) for name, case in self._cases.items()}
        #: Returns by feature and seed, where nothing that they rest on is held.
        self._unmoved: dict[tuple[str, int], FeatureReturn] = {}
        # Regardless of the order of the file, products are formed in this order.
        self._changes = sorted(
            found.changes,
            key=lambda change: (
                list(RULES).index(change.change.kind),
                change.change.title,
                change.name,
            ),
        )

    @property
    def cases(self) -> Mapping[str, Case]:
        """The case of every feature, before any change."""
        return self._cases

    def outcome(self, worlds: Worlds) -> Outcome:
        """Return the outcome of the scenario."""
        projection = self.bound.projection
        draft = Draft.of(projection, worlds)
        for change in self._changes:
            RULES[change.change.kind](draft, change.change, change.values)
        returns = {
            name: self._return(case, draft, worlds)
            for name, case in self._cases.items()
        }
        parts = [self._part(name, returns[name], draft, worlds) for name in returns]
        overlap = np.zeros((WORLD_COUNT, projection.count))
        for claimed in overlaps_of(list(returns.values()), worlds):
            for number, month in enumerate(projection.months):
                overlap[:, number] += claimed.draws(month)
        outside = self._terms(None, None, draft).flows(worlds)
        return Outcome(
            projection.months,
            (*parts, Part(None, None, outside)),
            factors=draft.benefits,
            overlap=overlap,
        )

    def _return(self, case: Case, draft: Draft, worlds: Worlds) -> FeatureReturn:
        """Return a feature's return in the draft; no flows where unknown."""
        if case.terms is None:
            return FeatureReturn(case, None)
        terms = self._terms(case.feature_id, case, draft)
        key = case.feature_id, worlds.seed
        names = self._names[case.feature_id] | _names_of(terms.integrations)
        is_moved = not names.isdisjoint([*worlds.levels, *worlds.factors])
        if not is_moved and key in self._unmoved:
            # Of all features, most rest on nothing that is held.
            before = self._unmoved[key]
            if before.case.terms is not None and _are_same(before.case.terms, terms):
                return before
        changed = replace(case, terms=terms, claims=terms.claims)
        found = FeatureReturn.of(changed, worlds)
        if not is_moved:
            self._unmoved[key] = found
        return found

    def _names_in(self, case: Case) -> frozenset[str]:
        """Return the names under which the inputs of a case may be held."""
        parts = [part for part in (case.terms, case.before, case.since) if part]
        assumed = [one for part in parts for one in part.assumed]
        return _names_of(assumed if self._rate is None else [*assumed, self._rate])

    def _part(
        self, name: str, feature_return: FeatureReturn, draft: Draft, worlds: Worlds
    ) -> Part:
        flows = feature_return.flows or self._terms(name, None, draft).flows(worlds)
        return Part(name, feature_return.case, flows)

    def _terms(self, feature_id: str | None, case: Case | None, draft: Draft) -> Terms:
        projection = draft.projection
        known = case.terms if case else None
        terms = known or terms_of(
            feature_id or ALL,
            (),
            Costs({}, {}),
            projection.months,
            projection.register,
        )
        integrations = () if feature_id is None else terms.integrations
        changed = replace(
            terms,
            cost=draft.cost_of_feature(feature_id),
            integrations=(*integrations, *draft.one_offs.get(feature_id, [])),
            discounts=terms.discounts
            if self._rate is None
            else (self._rate,) * projection.count,
        )
        if feature_id is None:
            return changed
        factor = draft.benefits[feature_id]
        return replace(
            changed,
            hours=draft.hours[feature_id],
            claims=tuple(
                replace(
                    claim,
                    claim=replace(
                        claim.claim, effects=_times(claim.claim.effects, factor)
                    ),
                )
                for claim in terms.claims
            ),
        )


def _names_of(assumed: Iterable[Assumed]) -> frozenset[str]:
    return frozenset(name for one in assumed for name in (one.id, one.versioned))


def _are_same(before: Terms, terms: Terms) -> bool:
    """Return True if a draft left a feature as it was in other worlds."""
    arrays = [(before.cost, terms.cost), (before.hours, terms.hours)]
    arrays += [
        (one.claim.effects, other.claim.effects)
        for one, other in zip(before.claims, terms.claims, strict=True)
    ]
    return before.integrations == terms.integrations and all(
        np.array_equal(one, other, equal_nan=True) for one, other in arrays
    )


def _times(effects: Floats, factor: Floats) -> Floats:
    """Return effects times a factor; stopped effects are 0, bound or not."""
    with np.errstate(invalid="ignore"):
        return np.where(factor == 0, 0.0, effects * factor)


def _case(name: str, projection: Projection) -> Case:
    """Return the case of a feature over the horizon, by the rules of actuals."""
    lines = [line.cost for line in projection.lines if line.feature_id == name]
    amount = None if name in projection.base.unconverted else sum(lines)
    by_month = dict.fromkeys(projection.months, amount) if lines else {}
    hours = dict.fromkeys(projection.months, projection.hours[name])
    booked = hours if projection.hours[name] else {}
    known = projection.base.inputs.costs.get(name, Costs({}, {}))
    return case_of(
        name,
        projection.claims.get(name, ()),
        Costs(by_month, booked, has_hidden_hours=known.has_hidden_hours),
        projection.register,
        baseline=projection.baselines.get(name),
    )


def _rate(value: float | None) -> Assumed | None:
    if value is None:
        return None
    return Assumed(
        id=DISCOUNT_RATE,
        version="scenario",
        kind="discount_rate",
        value=value,
        unit="ratio/year",
        valid_from=month_start("1970-01"),
        is_approved=False,
    )
