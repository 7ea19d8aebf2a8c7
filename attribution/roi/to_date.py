"""Money outside the measured months of returns, and the sum to date."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from attribution.roi.reading import amount, nothing, probability_above
from attribution.roi.worlds import WORLD_COUNT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from attribution.arrays import Floats
    from attribution.roi.feature_return import FeatureReturn
    from attribution.roi.flows import Flows

    Row = dict[str, Any]


def whole_month(until: str | None, complete_until: str | None) -> str | None:
    """Return the last month that is known whole, at most ``until``."""
    if until is None or complete_until is None:
        return until
    return min(until, complete_until)


def spent_in(flows: Flows | None) -> Floats:
    """Return all that was spent in some months, by world; NaN: a part is not known."""
    if flows is None:
        return np.zeros(WORLD_COUNT)
    return np.asarray((flows.cost + flows.other).sum(axis=1))


def apart(
    features: Sequence[FeatureReturn],
    until: str | None,
    *,
    less: Floats | float = 0.0,
    claimed_twice: Callable[[str], Floats] | None = None,
) -> Row:
    """Return money outside the windows of features, and the sum to date.

    Parameters
    ----------
    features : sequence of FeatureReturn
        Those that are added up. The reconciled cost outside their windows is joined
        from the mart, as the window's is.
    until : str or None
        Last month that is looked at; to date goes to the last whole month by then.
    less : ndarray or float
        Money by world that they claim twice in their windows.
    claimed_twice : callable, optional
        Month → money by world that they carry twice after their windows.
    """
    known = [feature for feature in features if feature.flows is not None]
    if not known:
        names = ("other_investment", "other_cost_since", "net_after_investment")
        row = {key: value for name in names for key, value in nothing(name).items()}
        unknown = ("probability_net_after_investment", "since_month_count")
        return {**row, **_no_sum_to_date(), **dict.fromkeys(unknown)}
    nets = [feature.net for feature in known if feature.net is not None]
    net = np.asarray(sum(nets, np.zeros(WORLD_COUNT)) - less)
    invested = np.asarray(
        sum((feature.invested for feature in known), np.zeros(WORLD_COUNT))
    )
    month = _to_date_month(known, until)
    since = [part for feature in known if (part := feature.since_until(month))]
    after = {name for part in since for name in part.months}
    return {
        **amount("other_investment", _other([feature.before for feature in known])),
        **amount("other_cost_since", _other(since)),
        **_with_chance("net_after_investment", net - invested),
        **_to_date(known, since, net - invested, month, claimed_twice),
        "since_month_count": len(after),
    }


def _to_date_month(known: Sequence[FeatureReturn], until: str | None) -> str | None:
    """Return the last whole month by ``until``, at least the last measured."""
    complete = [f.complete_until for f in known if f.complete_until]
    whole = whole_month(until, max(complete, default=None))
    ends = [feature.case.months[-1] for feature in known if feature.case.months]
    return max([*ends, whole]) if whole and ends else whole


def _to_date(
    known: Sequence[FeatureReturn],
    since: Sequence[Flows],
    net: Floats,
    month: str | None,
    claimed_twice: Callable[[str], Floats] | None,
) -> Row:
    """Return money since the windows, and all of it to date.

    If an effect was last measured too long ago, its benefit since is not known, and
    neither is the sum.
    """
    row = {**_no_sum_to_date(), "to_date_month": month}
    if month is None or any(feature.is_unknown_in(month) for feature in known):
        return row
    benefit = sum((part.benefit.sum(axis=1) for part in since), np.zeros(WORLD_COUNT))
    replaced = sum((part.replaced.sum(axis=1) for part in since), np.zeros(WORLD_COUNT))
    twice = np.zeros(WORLD_COUNT)
    if claimed_twice is not None:
        for after in sorted({name for part in since for name in part.months}):
            twice = twice + claimed_twice(after)
    spent = sum((part.spent.sum(axis=1) for part in since), np.zeros(WORLD_COUNT))
    return row | {
        **amount("carried_benefit", np.asarray(benefit - twice)),
        **amount("replaced_cost_since", np.asarray(replaced)),
        **_with_chance("net_to_date", net + benefit - twice - spent),
    }


def _no_sum_to_date() -> Row:
    """Return the columns of a sum to date that is not known."""
    names = ("carried_benefit", "replaced_cost_since", "net_to_date")
    row = {key: value for name in names for key, value in nothing(name).items()}
    return row | dict.fromkeys(("probability_net_to_date", "to_date_month"))


def _with_chance(name: str, draws: Floats) -> Row:
    """Return an amount and the chance that it is above zero; NaN: not known."""
    if np.isnan(draws).any():
        return {**nothing(name), f"probability_{name}": None}
    return {**amount(name, draws), f"probability_{name}": probability_above(draws)}


def _other(parts: Sequence[Flows | None]) -> Floats:
    found = [part.other.sum(axis=1) for part in parts if part is not None]
    return np.asarray(sum(found, np.zeros(WORLD_COUNT)))
