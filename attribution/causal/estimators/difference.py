"""A difference between arms by period, with the covariance of its path."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from attribution.arrays import Floats


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between arms by period.

    Attributes
    ----------
    path : ndarray, shape (periods,)
        Per unit, or in total where a function states so.
    covariance : ndarray, shape (periods, periods)
        Of the path.
    degrees_of_freedom : float
        Of Student's t.
    """

    path: Floats
    covariance: Floats
    degrees_of_freedom: float

    @property
    def standard_error(self) -> float:
        """Of the sum over all periods."""
        return float(np.sqrt(self.covariance.sum()))

    def scaled(self, factor: float) -> Difference:
        """Return the same times a positive number."""
        return Difference(
            self.path * factor, self.covariance * factor**2, self.degrees_of_freedom
        )
