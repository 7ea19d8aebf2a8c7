"""Detection of unprecedented jumps of a control from the launch on.

A control that is measured differently from some day on, or that the feature moves,
shows it in a single step. Steps are errors of an autoregression with a season, fitted
to the history; a jump is a step that is too large for Student's t.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

if TYPE_CHECKING:
    from attribution.arrays import Floats

_FEWEST = 20


def jump_p_values(values: Floats, launch: int, cycle: int) -> tuple[float, float]:
    """Return p-values of a jump at the launch, and of the largest from there on.

    Parameters
    ----------
    values : ndarray, shape (periods,)
        The control.
    launch, cycle : int
        Position of the launch, and periods of a season (1 for none).

    Returns
    -------
    tuple of float
        The second is multiplied by the number of periods (Bonferroni); both are 1 where
        the history is too short.
    """
    steps = np.diff(values)
    season = np.eye(max(cycle, 1))[np.arange(len(values)) % max(cycle, 1)]
    design = np.column_stack([season[2:], steps[:-1]])
    steps = steps[1:]  # the first is of the third period
    first = launch - 2
    known = slice(0, first)
    degrees = first - design.shape[1]
    if degrees < _FEWEST:
        return 1.0, 1.0
    coefficients = np.linalg.lstsq(design[known], steps[known])[0]
    errors = steps - design @ coefficients
    spread = float(np.sqrt((errors[known] ** 2).sum() / degrees))
    if spread <= 0:
        return 1.0, 1.0
    own = 2.0 * stats.t.sf(np.abs(errors[first:]) / spread, degrees)
    return float(own[0]), min(1.0, float(own.min()) * len(own))
