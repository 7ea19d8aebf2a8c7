"""Randomisation test of the arms before the launch: level and slope."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from attribution.causal.checks.check import Check, Status, not_run

if TYPE_CHECKING:
    from attribution.arrays import Flags, Floats

WARN_BELOW, FAIL_BELOW = 0.02, 0.01
_THRESHOLD = (
    "p that a draw sets level or slope this far apart: warn below"
    f" {WARN_BELOW}, fail below {FAIL_BELOW}"
)
_FEWEST = 2
#: Groups up to which arms are drawn again; beyond, Welch's test is as exact.
_DRAWN_AGAIN_UP_TO = 100
_DRAWS = 1999


def balance(treated: Flags, level: Floats, slope: Floats | None = None) -> Check:
    """Check level and slope before the launch by arm.

    Parameters
    ----------
    treated : ndarray of bool, shape (groups,)
        Arm of each group that was randomised.
    level, slope : ndarray, shape (groups,)
        Mean before the launch, and change per period; NaN where unknown.
    """
    differences = [
        (name, *_difference(treated, values))
        for name, values in (("level", level), ("slope", slope))
        if values is not None and _varies(treated, values)
    ]
    if not differences:
        return not_run("balance", _THRESHOLD, "Nothing varied before the launch.")
    name, difference, smallest = min(differences, key=lambda one: one[2])
    p_value = min(1.0, len(differences) * smallest)
    status: Status = "warn" if p_value < WARN_BELOW else "pass"
    return Check(
        "balance",
        "fail" if p_value < FAIL_BELOW else status,
        p_value,
        _THRESHOLD,
        f"Before the launch the arms differ in {name} by {difference:+.2f} standard"
        f" deviations (p = {p_value:.2g}).",
        {"standardised_difference": [one[1] for one in differences]},
    )


def _varies(treated: Flags, values: Floats) -> bool:
    known = np.isfinite(values)
    few = min((treated & known).sum(), (~treated & known).sum()) < _FEWEST
    return not few and float(np.ptp(values[known])) > 0


def _difference(treated: Flags, values: Floats) -> tuple[float, float]:
    """Return the standardised difference of the arms, and its p-value."""
    known = np.isfinite(values)
    arm, own = treated[known], values[known]
    pooled = np.sqrt((own[arm].var() + own[~arm].var()) / 2.0) or 1.0
    difference = float((own[arm].mean() - own[~arm].mean()) / pooled)
    if len(own) > _DRAWN_AGAIN_UP_TO:
        welch = stats.ttest_ind(own[arm], own[~arm], equal_var=False)
        return difference, float(welch.pvalue)
    return difference, _drawn_again(arm, own)


def _drawn_again(arm: Flags, own: Floats) -> float:
    """Return the part of draws with means at least as far apart."""
    rng = np.random.default_rng(len(own))
    drawn = rng.permuted(np.tile(arm, (_DRAWS, 1)), axis=1)
    treated = int(arm.sum())
    # Given the sum, the mean of one arm decides the difference.
    means = drawn @ (own - own.mean()) / treated
    seen = abs(float((own[arm] - own.mean()).mean()))
    further = int((np.abs(means) >= seen * (1.0 - 1e-12)).sum())
    return (1 + further) / (1 + _DRAWS)
