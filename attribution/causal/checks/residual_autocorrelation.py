"""Ljung–Box check for autocorrelation of the history's one-step errors.

It warns and never fails: with second-order memory, which it finds, 95 % intervals of
the model still hold.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from statsmodels.stats.diagnostic import acorr_ljungbox

from attribution.causal.checks.check import Check, not_run

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

WARN_BELOW = 0.001
_THRESHOLD = f"p of Ljung–Box: warn below {WARN_BELOW}"
_HYPER_PARAMETERS = 3


def residual_autocorrelation(residuals: NDArray[np.float64], cycle: int) -> Check:
    """Check the residuals up to two cycles back, or ten periods if that is more."""
    lags = max(10, 2 * cycle)
    if len(residuals) < 3 * lags:
        return not_run(
            "residual_autocorrelation", _THRESHOLD, "There are too few residuals."
        )
    table = acorr_ljungbox(residuals, lags=[lags], model_df=_HYPER_PARAMETERS)
    p_value = float(table["lb_pvalue"].iloc[0])
    clear = p_value < WARN_BELOW
    return Check(
        "residual_autocorrelation",
        "warn" if clear else "pass",
        p_value,
        _THRESHOLD,
        f"Errors of the history {'depend on' if clear else 'show no memory of'} those"
        f" of up to {lags} periods before (p = {p_value:.3f}).",
        {"residual": residuals.tolist()},
    )
