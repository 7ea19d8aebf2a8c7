"""Largest drivers of a return, and its break-evens.

The tornado's bars are shares of variance: how much of the spread of the net present
value goes away if a single input were known (Sobol's first-order index). A break-even
is the value of a single assumption at which the mean is zero, with all others
unchanged. Of the portfolio both are of its headline: an amount that features claim
twice is counted once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from attribution.arrays import Floats
    from attribution.roi.feature_return import FeatureReturn
    from attribution.roi.overlaps import Excess
    from attribution.roi.register import Assumed
    from attribution.roi.worlds import Worlds

    Row = dict[str, Any]
    Drawn = dict[str, Floats]

#: Groups of worlds with like values of an input: 50 worlds each.
_BIN_COUNT: Final = 20
#: In these the mean is a straight line, so that two points give the root.
_LINEAR: Final = frozenset(
    {"conversion", "margin", "labour", "integration", "replaced_cost"}
)
_MEDIAN, _LOW, _HIGH = 0.5, 0.05, 0.95
_AROUND: Final = 0.025
_MOST_TIMES: Final = 100.0


@dataclass(frozen=True, eq=False, slots=True)
class Sensitive:
    """A feature, or the portfolio of those that count.

    Attributes
    ----------
    scope_type : {"feature", "portfolio"}
        Kind of the subject.
    returns : sequence of FeatureReturn
        The feature, or all that count.
    excesses : sequence of Excess
        Amounts that these claim twice of the same outcome; for a single feature
        nothing.
    """

    scope_type: str
    scope_id: str
    returns: Sequence[FeatureReturn]
    excesses: Sequence[Excess] = ()

    @property
    def measure(self) -> str:
        """Measure used: ``npv``, or ``net_value`` without a discount rate."""
        found = all(
            feature_return.flows is not None
            and feature_return.flows.discount is not None
            for feature_return in self.returns
        )
        return "npv" if found else "net_value"

    def outcomes(self, worlds: Worlds, *, moved: str | None = None) -> Drawn:
        """Return the measure by feature and world.

        Parameters
        ----------
        worlds : Worlds
            Draws to use.
        moved : str, optional
            The only assumption that differs from its first draw: features that do not
            rest on it are left out.
        """
        return {
            feature_return.case.feature_id: self._measured(feature_return, worlds)
            for feature_return in self.returns
            if moved is None or moved in _names(feature_return)
        }

    def _measured(self, feature_return: FeatureReturn, worlds: Worlds) -> Floats:
        assert feature_return.case.terms is not None  # noqa: S101  (only such are here)
        flows = feature_return.case.terms.flows(worlds)
        present = flows.present_net if self.measure == "npv" else None
        weights = None if present is None else flows.discount
        drawn = flows.net.sum(axis=1) if present is None else present
        for excess in self.excesses:
            if excess.feature_id == feature_return.case.feature_id:
                drawn = drawn - excess.total(worlds, weights)
        return np.asarray(drawn)

    @property
    def assumed(self) -> list[Assumed]:
        """The newest version of every assumption that it rests on."""
        newest: dict[str, Assumed] = {}
        for feature_return in self.returns:
            for assumed in (
                feature_return.case.terms.assumed if feature_return.case.terms else ()
            ):
                known = newest.get(assumed.id)
                if known is None or known.valid_from < assumed.valid_from:
                    newest[assumed.id] = assumed
        # A hurdle is compared with a value, and moves none.
        return [newest[n] for n in sorted(newest) if newest[n].kind != "hurdle_rate"]


def _names(feature_return: FeatureReturn) -> set[str]:
    return (
        {assumed.id for assumed in feature_return.case.terms.assumed}
        if feature_return.case.terms
        else set()
    )


def _total(drawn: Drawn) -> Floats:
    return np.asarray(sum(drawn.values(), np.zeros(1)))


def sensitivity_rows(subject: Sensitive, worlds: Worlds) -> Iterator[Row]:
    """Yield a row for each study and assumption, the most telling first."""
    drawn = subject.outcomes(worlds)
    rows = [*_studies(subject, _total(drawn)), *_assumptions(subject, worlds, drawn)]
    rows.sort(key=lambda row: (-(row["variance_share"] or 0.0), row["driver"]))
    for number, row in enumerate(rows, start=1):
        yield {
            "scope_type": subject.scope_type,
            "scope_id": subject.scope_id,
            "measure": subject.measure,
            "driver_order": number,
            **row,
        }


def _studies(subject: Sensitive, drawn: Floats) -> Iterator[Row]:
    for feature_return in subject.returns:
        for valued in feature_return.case.claims:
            claim = valued.claim
            effect = claim.effects.sum(axis=1)
            yield {
                "driver": claim.study_id,
                "kind": "effect",
                "unit": claim.outcome_unit,
                "assumed": _mean(effect),
                **_of_draws(effect * valued.conversions[-1].sign, drawn),
                **_no_break_even(feature_return, subject),
                "is_approved": None,
            }


def _no_break_even(feature_return: FeatureReturn, subject: Sensitive) -> Row:
    known = subject.scope_type == "feature" and len(feature_return.case.claims) == 1
    if not known or feature_return.case.terms is None or feature_return.flows is None:
        return {"break_even": None}
    flows = feature_return.flows
    weights = flows.discount if subject.measure == "npv" else np.ones_like(flows.cost)
    assert weights is not None  # noqa: S101  (npv has a discount)
    spent = _mean(((flows.cost + flows.other) * weights).sum(axis=1))
    brought_in = _mean((flows.benefit * weights).sum(axis=1))
    effect = _mean(feature_return.case.claims[0].claim.effects.sum(axis=1))
    if spent is None or effect is None or not brought_in:
        return {"break_even": None}
    return {"break_even": effect * spent / brought_in}


def _assumptions(subject: Sensitive, worlds: Worlds, drawn: Drawn) -> Iterator[Row]:
    total = _total(drawn)
    for assumption in subject.assumed:

        def mean_at(
            level: float, factor: float = 1.0, id_: str = assumption.id
        ) -> float:
            held = worlds.holding(id_, level, factor=factor)
            moved = subject.outcomes(held, moved=id_)
            found = _mean(_total({**drawn, **moved}))
            return np.nan if found is None else found

        share = (
            0.0
            if assumption.is_certain
            else variance_share(worlds.of(assumption), total)
        )
        ends = (
            (None, None) if assumption.is_certain else (mean_at(_LOW), mean_at(_HIGH))
        )
        yield {
            "driver": assumption.id,
            "kind": assumption.kind,
            "unit": assumption.unit,
            "assumed": assumption.value,
            "variance_share": share,
            "measure_at_low": ends[0],
            "measure_at_high": ends[1],
            "break_even": _break_even(
                assumption, partial(mean_at, _MEDIAN), subject.measure
            ),
            "is_approved": assumption.is_approved,
        }


def _of_draws(values: Floats, drawn: Floats) -> Row:
    order = np.argsort(values, kind="stable")
    count = len(order)
    near = {
        name: order[int((at - _AROUND) * count) : int((at + _AROUND) * count)]
        for name, at in (("low", _LOW), ("high", _HIGH))
    }
    return {
        "variance_share": variance_share(values, drawn),
        "measure_at_low": _mean(drawn[near["low"]]),
        "measure_at_high": _mean(drawn[near["high"]]),
    }


def variance_share(values: Floats, drawn: Floats) -> float | None:
    """Return Var(E[drawn | values]) / Var(drawn), from groups of like values.

    ``None`` where a value is unbounded. Within a group the mean still varies by chance;
    the part that this adds to the variance of the means is taken off.
    """
    if not (np.isfinite(values).all() and np.isfinite(drawn).all()):
        return None
    total = float(drawn.var())
    if total <= 0 or float(values.var()) <= 0:
        return 0.0
    groups = np.array_split(drawn[np.argsort(values, kind="stable")], _BIN_COUNT)
    between = float(np.var([group.mean() for group in groups]))
    by_chance = float(np.mean([group.var(ddof=1) / len(group) for group in groups]))
    by_chance *= (_BIN_COUNT - 1) / _BIN_COUNT
    return float(np.clip((between - by_chance) / total, 0.0, 1.0))


def _break_even(
    assumption: Assumed, mean_at: Callable[[float], float], measure: str
) -> float | None:
    """Return the value of an assumption at which the mean measure is nothing.

    ``mean_at`` returns the mean with the assumption multiplied by a factor.
    """
    if assumption.kind in _LINEAR:
        return _root_of_line(mean_at, assumption.value)
    if assumption.kind != "discount_rate" or measure != "npv" or not assumption.value:
        return None
    ends = mean_at(0.0), mean_at(_MOST_TIMES)
    if not np.isfinite(ends).all() or ends[0] * ends[1] > 0:
        return None
    from scipy import optimize  # noqa: PLC0415  (slow to load)

    return float(optimize.brentq(mean_at, 0.0, _MOST_TIMES)) * assumption.value


def _root_of_line(mean_at: Callable[[float], float], value: float) -> float | None:
    """Return where a line through two points is 0; ``None`` below 0 or nowhere."""
    without, with_it = mean_at(0.0), mean_at(1.0)
    if not np.isfinite([without, with_it]).all() or with_it == without:
        return None
    factor = without / (without - with_it)
    return factor * value if factor >= 0 else None


def _mean(draws: Floats) -> float | None:
    finite = draws[np.isfinite(draws)]
    return float(finite.mean()) if len(finite) else None
