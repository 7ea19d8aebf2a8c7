"""Growth of bills with usage over all platforms: monthly and pooled.

Estimand: per cent of cost that goes with 1 per cent of usage from a month to the next,
as a mean of the platforms in which those with more movement of usage weigh more. It
describes how both moved together, and no cause.

A single platform rarely has twelve months in which usage moved by half and no model
came or went. It does have pairs of neighbouring months with the same models, outside of
migrations, and several platforms have many. Changes take each platform's level and any
price that changed once out of it; the change of the month's length is a covariate,
because a machine by the hour costs less in February.

Method: least squares of the change of log(cost) on that of log(usage), by statsmodels,
with errors that may be alike within a month of all platforms (Liang and Zeger 1986,
Biometrika 73), and the quantile of Student's t with degrees of freedom equal to the
number of months minus 1.

Refused: fewer than 24 pairs, pairs of fewer than 12 months, or usage that moves with
the length of months and a steady trend alone.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.costs.elasticity import NotEstimable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.arrays import Floats

FEWEST_PAIRS: Final = 24
#: With fewer groups, errors that are alike within a group make intervals too narrow.
FEWEST_MONTHS: Final = 12
#: Movement of usage beyond a steady trend and the length of months, as a part of it.
LEAST_USAGE_CHANGE: Final = 0.001


@dataclass(frozen=True, slots=True)
class MonthPair:
    """A platform's cost and usage in a month and in the month before, all positive."""

    billing_month: str
    cost: float
    prior_cost: float
    usage: float
    prior_usage: float


@dataclass(frozen=True, slots=True)
class PooledElasticity:
    """The common slope with its interval of 90 %, and the monthly drift of cost."""

    elasticity: float
    elasticity_low_90: float
    elasticity_high_90: float
    drift: float
    pair_count: int
    month_count: int

    @property
    def scale(self) -> str:
        """``economies``, ``diseconomies``, or ``undecided`` where 1 is inside."""
        if self.elasticity_high_90 < 1:
            return "economies"
        return "diseconomies" if self.elasticity_low_90 > 1 else "undecided"


def pooled_elasticity(pairs: Sequence[MonthPair]) -> PooledElasticity | NotEstimable:
    """Estimate how cost grows with usage over all platforms.

    Parameters
    ----------
    pairs : sequence of MonthPair
        Of any number of platforms, in any order.

    Returns
    -------
    PooledElasticity or NotEstimable
        With a 90 % interval, or the reason why there is none.
    """
    months = sorted({pair.billing_month for pair in pairs})
    if len(pairs) < FEWEST_PAIRS or len(months) < FEWEST_MONTHS:
        text = (
            f"{len(pairs)} pairs of neighbouring months, of {len(months)} months, have"
            f" the same models and a known usage; {FEWEST_PAIRS} pairs of"
            f" {FEWEST_MONTHS} months are needed"
        )
        return NotEstimable("too_few_pairs", text)
    return _fitted(pairs, months)


def _fitted(
    pairs: Sequence[MonthPair], months: list[str]
) -> PooledElasticity | NotEstimable:
    # Slow to load, and not needed where nothing is fitted.
    from statsmodels.regression.linear_model import OLS  # noqa: PLC0415

    cost = np.log([pair.cost / pair.prior_cost for pair in pairs])
    usage = np.log([pair.usage / pair.prior_usage for pair in pairs])
    length = np.log([_length_ratio(pair.billing_month) for pair in pairs])
    steady = np.column_stack([length, np.ones(len(pairs))])
    if (moved := _moved(usage, steady)) < LEAST_USAGE_CHANGE:
        text = (
            f"beyond a steady trend and the length of months, usage moved by"
            f" {moved:.2%} from month to month; {LEAST_USAGE_CHANGE:.1%} is needed"
        )
        return NotEstimable("usage_steady", text)
    design = np.column_stack([usage, steady])
    groups = np.array([months.index(pair.billing_month) for pair in pairs])
    fit = OLS(cost, design).fit(
        cov_type="cluster", cov_kwds={"groups": groups}, use_t=True
    )
    low, high = fit.conf_int(alpha=0.1)[0]
    slope, drift = float(fit.params[0]), float(fit.params[2])
    return PooledElasticity(
        slope, float(low), float(high), drift, len(pairs), len(months)
    )


def _moved(usage: Floats, steady: Floats) -> float:
    """Return the standard deviation unexplained by a trend and the months."""
    trend = np.linalg.lstsq(steady, usage, rcond=None)[0]
    return float(np.std(usage - steady @ trend))


def _length_ratio(billing_month: str) -> float:
    """Return the days of a month by those of the month before."""
    year, month = (int(part) for part in billing_month.split("-"))
    prior = (year, month - 1) if month > 1 else (year - 1, 12)
    return monthrange(year, month)[1] / monthrange(*prior)[1]
