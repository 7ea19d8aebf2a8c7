"""Check for collinearity of a driver with other drivers and a drift."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.checks.check import Check, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.arrays import Floats

#: Tolerance, 1 / VIF, below which only the sum of drivers is known.
NEEDED = 0.1
_THRESHOLD = (
    f"1 / VIF below {NEEDED:g}: fail among the drivers, warn together with a drift"
)


def collinearity(among_drivers: Mapping[str, float], with_drift: float) -> Check:
    """Check the tolerances of the drivers that are the feature.

    Parameters
    ----------
    among_drivers : mapping of str to float
        Of each driver, among the others and the season.
    with_drift : float
        The least of the feature's own, with a straight line beside them.
    """
    least = min(among_drivers, key=lambda name: among_drivers[name])
    status: Status = "pass"
    why = (
        f"{least} is told from the other drivers (1 / VIF {among_drivers[least]:.2f})."
    )
    if with_drift < NEEDED:
        status = "warn"
        why = (
            f"The feature grew almost like a straight line (1 / VIF {with_drift:.2f}):"
            " what tells them apart is that the baseline is assumed to be smooth."
        )
    if among_drivers[least] < NEEDED:
        status = "fail"
        why = (
            f"{least} moved like the others (1 / VIF {among_drivers[least]:.3f}): only"
            " their sum is known."
        )
    return Check(
        "collinearity",
        status,
        min(among_drivers[least], with_drift),
        _THRESHOLD,
        why,
        {name: [value] for name, value in among_drivers.items()},
    )


def tolerance(column: Floats, others: Floats) -> float:
    """Return the part of a column's variance that the others do not explain."""
    design = np.column_stack([np.ones(len(column)), others])
    centred = column - column.mean()
    left = column - design @ np.linalg.lstsq(design, column, rcond=None)[0]
    return float(left @ left / (centred @ centred))
