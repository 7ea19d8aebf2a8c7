"""Largest drivers of a scenario, and the break-even of each assumption.

The bars of the tornado are the mean net present value at either end of an assumption's
90 % interval, and its share of the variance, as for actual returns. A break-even is the
value of a single assumption, all others unchanged, at which the mean is zero: of the
net present value, and of its difference to the base.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from scipy import optimize

from attribution.roi.persistence import faded
from attribution.roi.sensitivity import variance_share
from attribution.scenarios.binding import SCENARIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from attribution.arrays import Floats
    from attribution.roi.claims import Claim
    from attribution.roi.register import Assumed
    from attribution.roi.valuing import Case
    from attribution.roi.worlds import Worlds
    from attribution.scenarios.outcome import Model, Outcome

    Row = dict[str, Any]
    Means = tuple[float, float]
    #: Net present values by world, and their differences to the base.
    Drawn = tuple[Floats, Floats]

#: A break-even further from the value than this is not plausible.
PLAUSIBLE_TIMES: Final = 10.0
_LOW, _MEDIAN, _HIGH = 0.05, 0.5, 0.95
#: Of so large a part of the worlds the value must have a bound to share a variance.
_FEWEST_BOUNDED: Final = 0.95
_PARTS: Final = frozenset({"margin", "discount_rate"})
_NPV, _DIFFERENCE = 0, 1
_MEASURES: Final = (("npv", _NPV), ("difference", _DIFFERENCE))


@dataclass(frozen=True, eq=False, slots=True)
class Comparison:
    """A scenario and its base, worked out in the same worlds."""

    scenario: Model
    base: Model
    _unmoved: dict[int, Outcome] = field(default_factory=dict, repr=False)

    def outcomes(self, worlds: Worlds) -> tuple[Outcome, Outcome]:
        """Return both."""
        moved = {*worlds.levels, *worlds.factors} & self._base_names
        if moved:
            return self.scenario.outcome(worlds), self.base.outcome(worlds)
        # No input of the base is held: it is unchanged.
        if worlds.seed not in self._unmoved:
            self._unmoved[worlds.seed] = self.base.outcome(worlds)
        return self.scenario.outcome(worlds), self._unmoved[worlds.seed]

    @property
    def _base_names(self) -> set[str]:
        terms = [case.terms for case in self.base.cases.values() if case.terms]
        found = {assumption for known in terms for assumption in known.assumed} | {
            entry
            for entry in self.base.bound.projection.register.entries
            if entry.kind in {"discount_rate", "driver"}
        }
        return {name for one in found for name in (one.id, one.versioned)}

    def means(self, worlds: Worlds) -> Means:
        """Return mean net present value, and its mean difference to the base."""
        changed, unchanged = self.outcomes(worlds)
        return (
            mean(present_net(changed, unchanged)),
            mean(difference(changed, unchanged)),
        )

    @property
    def assumed(self) -> list[Assumed]:
        """Everything that is assumed: by the scenario first, then by the register."""
        assumptions = {
            value.id: value
            for change in self.scenario.bound.changes
            for value in change.values.values()
            # A value that is certainly zero, such as a cost left out, moves nothing.
            if value.value or not value.is_certain
        }
        for model in (self.base, self.scenario):
            for case in model.cases.values():
                for assumption in case.terms.assumed if case.terms else ():
                    assumptions[assumption.id] = assumption
        # A hurdle is compared with a value, and moves none.
        return [one for one in assumptions.values() if one.kind != "hurdle_rate"]

    @property
    def most(self) -> Mapping[str, float]:
        """The largest value that an assumption can have, by id."""
        found = {
            id_: most
            for change in self.scenario.bound.changes
            for id_, most in change.most.items()
        }
        parts = {
            assumption.id: 1.0
            for assumption in self.assumed
            if assumption.kind in _PARTS
        }
        return {**found, **parts}


def difference(changed: Outcome, unchanged: Outcome) -> Floats:
    """Return the net present value by world less that of the base.

    A feature with an unbounded effect that the scenario leaves alone is no part of the
    difference; where it is touched, the difference is unbounded too.
    """
    monthly = net_difference(changed, unchanged)
    with np.errstate(invalid="ignore"):
        before = unchanged.net * (changed.discount - unchanged.discount)
        moved = np.where(changed.discount == unchanged.discount, 0.0, before)
    return np.asarray((monthly * changed.discount + moved).sum(axis=1))


def proven_net(changed: Outcome, unchanged: Outcome) -> Floats:
    """Return net value by world and month: of counted and changed features.

    Cost that no counted return pays for is in it as far as it is not that of the base.
    """
    net = changed.net
    for one, other in zip(changed.parts, unchanged.parts, strict=True):
        if not one.is_counted:
            net = net + (other.flows.spent - one.flows.spent)
    return np.asarray(net)


def present_net(changed: Outcome, unchanged: Outcome) -> Floats:
    """Return the net present value by world."""
    return np.asarray((proven_net(changed, unchanged) * changed.discount).sum(axis=1))


def net_difference(changed: Outcome, unchanged: Outcome) -> Floats:
    """Return net value by world and month less that of the base.

    All cost is in it, and only the benefit of features that count.
    """
    total = unchanged.cost - changed.cost + unchanged.other - changed.other
    total = total - (changed.overlap - unchanged.overlap)
    for one, other in zip(changed.parts, unchanged.parts, strict=True):
        total = total + _gained(one.counted_benefit, other.counted_benefit)
    return np.asarray(total)


def _gained(changed: Floats, unchanged: Floats) -> Floats:
    with np.errstate(invalid="ignore"):
        gained = changed - unchanged
    if np.isnan(gained).any():
        finite = np.isfinite(gained)
        is_touched = bool((gained[finite] != 0).any())
        return np.where(np.isnan(gained), -np.inf if is_touched else 0.0, gained)
    return np.asarray(gained)


def mean(draws: Floats) -> float:
    """Return the mean of the draws that have a bound; NaN where none has."""
    finite = draws[np.isfinite(draws)]
    return float(finite.mean()) if len(finite) else float("nan")


def tornado(compared: Comparison, worlds: Worlds) -> Iterator[Row]:
    """Yield a row for each study and assumption, the most telling first."""
    changed, unchanged = compared.outcomes(worlds)
    drawn = present_net(changed, unchanged), difference(changed, unchanged)
    studies = _studies(compared, worlds, drawn)
    rows = [*studies, *_assumptions(compared, worlds, drawn)]
    rows.sort(key=_swing, reverse=True)
    for number, row in enumerate(rows, start=1):
        yield {"driver_order": number, **row}


def _swing(row: Row) -> tuple[float, float, str]:
    ends = row["npv_at_low"], row["npv_at_high"]
    swing = 0.0 if None in ends else abs(ends[1] - ends[0])
    return swing, row["npv_variance_share"] or 0.0, row["driver"]


def _studies(compared: Comparison, worlds: Worlds, drawn: Drawn) -> Iterator[Row]:
    """Yield each study: money goes with its effect along a straight line."""
    changed, unchanged = compared.outcomes(worlds)
    for feature, case in compared.scenario.cases.items():
        for valued in case.claims if case.terms else ():
            study = valued.claim.study_id
            after = _worth(case, study, changed, worlds)
            before = _worth(compared.base.cases[feature], study, unchanged, worlds)
            yield _study_row(valued.claim, (after, after - before), drawn)


def _study_row(claim: Claim, slopes: Means, drawn: Drawn) -> Row:
    """Return the value of each measure at the ends of a study's effect."""
    effect = np.asarray(claim.effects[:, -1])
    now = mean(effect)
    ends = _end(effect, _LOW), _end(effect, _HIGH)
    row: Row = {
        "driver": claim.study_id,
        "kind": "effect",
        "unit": f"{claim.outcome_unit} a month",
        "source": "study",
        "assumed": now,
        "assumed_low": ends[0],
        "assumed_high": ends[1],
        "is_approved": None,
    }
    for (name, which), slope in zip(_MEASURES, slopes, strict=True):
        middle = mean(drawn[which])
        for side, end in zip(("low", "high"), ends, strict=True):
            at = None if end is None else middle + (end - now) * slope
            row[f"{name}_at_{side}"] = at
        row[f"{name}_variance_share"] = _share(effect, drawn[which])
        needed = None if not slope or not now else 1.0 - middle / slope / now
        row |= _of_factor(name, needed, now, moves=bool(slope))
    return row


def _worth(case: Case, study_id: str, outcome: Outcome, worlds: Worlds) -> float:
    """Return the mean present value of a further unit of effect per month."""
    worth = 0.0
    for valued in case.claims if case.is_counted else ():
        if valued.claim.study_id == study_id and case.terms is not None:
            factor = outcome.factors[case.feature_id] * outcome.discount
            factor = factor * case.terms.driven_by(worlds)
            # A gain fades, whichever sign its effect has.
            sign = np.sign(mean(valued.claim.effects)) or 1.0
            gain = valued.worth_of_one(worlds) * sign
            lasting = faded(gain, valued.claim, worlds) * factor
            worth += float((lasting * sign).sum(axis=1).mean())
    return worth


def _end(draws: Floats, level: float) -> float | None:
    end = float(np.quantile(draws, level, method="inverted_cdf"))
    return end if np.isfinite(end) else None


def _share(values: Floats, drawn: Floats) -> float | None:
    """Return a share of the variance in the worlds in which both have a bound."""
    known = np.isfinite(values) & np.isfinite(drawn)
    if known.mean() < _FEWEST_BOUNDED:
        return None
    return variance_share(values[known], drawn[known])


def _of_factor(
    name: str, factor: float | None, value: float, *, moves: bool = True
) -> Row:
    """Return a break-even as a value, and True if it is near enough."""
    near = factor is not None and 1.0 / PLAUSIBLE_TIMES <= factor <= PLAUSIBLE_TIMES
    status = "found" if near else "not_plausible"
    return {
        f"break_even_{name}": factor * value if factor is not None and near else None,
        f"break_even_{name}_status": status if moves else "not_moved",
    }


def _assumptions(compared: Comparison, worlds: Worlds, drawn: Drawn) -> Iterator[Row]:
    for assumption in compared.assumed:
        held = [worlds.holding(_held(assumption), level) for level in (_LOW, _HIGH)]
        ends = [
            None if assumption.is_certain else compared.means(each) for each in held
        ]
        shares = [
            0.0 if assumption.is_certain else _share(worlds.of(assumption), each)
            for each in drawn
        ]
        yield {
            "driver": assumption.id,
            "kind": assumption.kind,
            "unit": assumption.unit,
            "source": "scenario" if assumption.version == SCENARIO else "register",
            "assumed": assumption.value,
            "assumed_low": assumption.low,
            "assumed_high": assumption.high,
            "is_approved": assumption.is_approved,
            "npv_at_low": _known(ends[0], _NPV),
            "npv_at_high": _known(ends[1], _NPV),
            "difference_at_low": _known(ends[0], _DIFFERENCE),
            "difference_at_high": _known(ends[1], _DIFFERENCE),
            "npv_variance_share": shares[_NPV],
            "difference_variance_share": shares[_DIFFERENCE],
            **_break_evens(compared, worlds, assumption),
        }


def _held(assumption: Assumed) -> str:
    """Return the assumption to hold, a scenario's own value or the base's.

    A value of the register is the same in both, in all of its versions.
    """
    return assumption.versioned if assumption.version == SCENARIO else assumption.id


def _known(means: Means | None, which: int) -> float | None:
    return None if means is None or not np.isfinite(means[which]) else means[which]


def _break_evens(compared: Comparison, worlds: Worlds, assumption: Assumed) -> Row:
    """Return the values of an assumption at which either mean is nothing."""
    highest = PLAUSIBLE_TIMES
    if assumption.value > 0 and assumption.id in compared.most:
        highest = min(highest, compared.most[assumption.id] / assumption.value)
    known: dict[float, Means] = {}

    def means(factor: float) -> Means:
        if factor not in known:
            held = worlds.holding(_held(assumption), _MEDIAN, factor=factor)
            known[factor] = compared.means(held)
        return known[factor]

    break_evens: Row = {}
    for name, which in _MEASURES:

        def at(factor: float, which: int = which) -> float:
            return means(factor)[which]

        lowest = 1.0 / PLAUSIBLE_TIMES
        moves = bool(assumption.value) and len({at(lowest), at(1.0), at(highest)}) > 1
        factor = _root(at, lowest, highest) if moves else None
        break_evens |= _of_factor(name, factor, assumption.value, moves=moves)
    return break_evens


def _root(at: Callable[[float], float], lowest: float, highest: float) -> float | None:
    """Return where a mean crosses nothing, next to the value as it is."""
    ends = [(low, high) for low, high in ((lowest, 1.0), (1.0, highest)) if low < high]
    for low, high in ends:
        values = at(low), at(high)
        if not np.isfinite(values).all() or values[0] == values[1]:
            continue
        if values[0] * values[1] <= 0:
            return float(optimize.brentq(at, low, high, xtol=1e-6, rtol=1e-6))
    return None
