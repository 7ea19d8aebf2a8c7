"""Figures from draws of money: points, intervals, probabilities, payback.

A single set of draws gives every figure, so that none contradicts another. A point is
the mean of the draws, so that parts add up; a ratio is read as the median of its draws,
since a ratio of means is no mean ratio. An end that is not known is ``None``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.causal.effect import Distribution

if TYPE_CHECKING:
    from attribution.arrays import Floats

    Figures = dict[str, float | None]

#: Part of the worlds in which something must be owed before it can be paid back.
_MOST: Final = 0.5
_LEVELS: Final = {"50": 0.5, "90": 0.9}


def amount(name: str, draws: Floats, *, levels: tuple[str, ...] = ("90",)) -> Figures:
    """Return the mean and the intervals of a sum of money.

    Parameters
    ----------
    name : str
        Of the column; the ends are called ``name_low_90`` and so on.
    draws : ndarray
        By world.
    levels : tuple of str
        Percent of the intervals.
    """
    finite = draws[np.isfinite(draws)]
    point = float(finite.mean()) if len(finite) else None
    return {name: point, **_ends(name, draws, levels)}


def ratio(name: str, draws: Floats, *, levels: tuple[str, ...] = ("90",)) -> Figures:
    """Return the median and the intervals of a ratio."""
    middle = _finite(_distribution(draws).quantile(0.5))
    return {name: middle, **_ends(name, draws, levels)}


def nothing(name: str, *, levels: tuple[str, ...] = ("90",)) -> Figures:
    """Return the columns of a figure that is not known."""
    ends = [f"{name}_{end}_{level}" for level in levels for end in ("low", "high")]
    return dict.fromkeys((name, *ends))


def probability_above(draws: Floats, limit: Floats | float = 0.0) -> float:
    """Return the part of the worlds in which something is above a limit."""
    return float(np.mean(draws > limit))


def _ends(name: str, draws: Floats, levels: tuple[str, ...]) -> Figures:
    known = _distribution(draws)
    figures: Figures = {}
    for level in levels:
        low, high = known.interval(_LEVELS[level])
        figures[f"{name}_low_{level}"] = _finite(low)
        figures[f"{name}_high_{level}"] = _finite(high)
    return figures


def _distribution(draws: Floats) -> Distribution:
    return Distribution.of(draws, np.full(len(draws), 1.0 / len(draws)))


def _finite(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


def payback(
    net: Floats, *, invested: Floats | float = 0.0, for_good: bool = False
) -> Figures:
    """Return after how many months a feature has paid for itself.

    Parameters
    ----------
    net : ndarray, shape (worlds, months)
        Benefit less cost.
    invested : ndarray of shape (worlds,), or float
        Spent before the first of the months; it has to come in, too.
    for_good : bool
        True to count the month from which it stays paid for to the end, for money that
        goes out later than some of it comes in.

    Returns
    -------
    dict
        ``payback_months_p50`` and ``_p90``: the first month, counted from 1, at the end
        of which all that came in exceeds all that went out, in half and in nine tenths
        of the worlds; ``None`` where so many worlds never get there, and where in most
        of them nothing is ever out of pocket, so that there is nothing to pay back.
        ``probability_never_paid_back``: the part of the worlds that do not within
        ``payback_horizon_months``. Quantiles are months that occur: interpolating
        towards *never* has no meaning.
    """
    balance = np.cumsum(net, axis=1) - np.reshape(invested, (-1, 1))
    is_paid = balance > 0
    is_owed = (balance < 0).any(axis=1) | (np.ravel(invested) > 0)
    horizon = net.shape[1]
    if for_good:
        is_paid = np.logical_and.accumulate(is_paid[:, ::-1], axis=1)[:, ::-1]
    first = np.where(is_paid.any(axis=1), is_paid.argmax(axis=1) + 1.0, np.inf)
    never = float(np.mean(np.isinf(first)))
    figures: Figures = {
        "probability_never_paid_back": never,
        "payback_horizon_months": float(horizon),
    }
    for name, part in (("p50", 0.5), ("p90", 0.9)):
        month = float(np.quantile(first, part, method="inverted_cdf"))
        is_paid_back = np.mean(is_owed) >= _MOST
        figures[f"payback_months_{name}"] = _finite(month) if is_paid_back else None
    return figures


def experiment_value_ceiling(present_net: Floats) -> float | None:
    """Return the value of certainty before the decision to go on.

    The expected best of going on and stopping in each world, less the better of the two
    on average. No experiment is worth more.
    """
    if not np.isfinite(present_net).all():
        return None
    mean = float(present_net.mean())
    return float(np.maximum(present_net, 0.0).mean()) - max(mean, 0.0)
