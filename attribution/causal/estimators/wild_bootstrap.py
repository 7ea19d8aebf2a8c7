"""A wild cluster bootstrap for few clusters, over all signs that there are.

Cameron, Gelbach and Miller 2008 (REStat 90), with the null imposed, Rademacher signs,
and errors that leave out a cluster at a time (MacKinnon, Nielsen and Webb 2023, J.
Econometrics 232). Estimates are linear in the outcome, so each is a sum of the
contributions of each cluster's residuals, and every sign can be tried: up to
:data:`MOST_CLUSTERS` there are no more than 2,048 that differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from attribution.arrays import Floats, Whole

#: With more clusters Student's t is as good, and signs are too many to try them all.
MOST_CLUSTERS = 12


@dataclass(frozen=True, eq=False)
class ClusterParts:
    """Contributions of clusters' residuals under the null to an estimate.

    Attributes
    ----------
    parts : ndarray, shape (clusters,)
        Contribution of each.
    left_out : ndarray, shape (clusters, clusters)
        Contribution of each (second axis) to the estimate without a given cluster
        (first).
    stratum : ndarray of int, shape (clusters,)
        Clusters with errors about a separate mean: arms of an experiment.
    """

    parts: Floats
    left_out: Floats
    stratum: Whole

    def p_value(self) -> float:
        """Return the two-sided p of no effect."""
        count = len(self.parts)
        # Signs that are all turned give the same, so the first stays as it is.
        signs = np.array(
            [(1.0, *rest) for rest in product((1.0, -1.0), repeat=count - 1)]
        )
        squares = self._squared(signs)
        return float((squares >= squares[0] * (1.0 - 1e-9)).mean())

    def _squared(self, signs: Floats) -> Floats:
        """Return the square of the t statistic for each set of signs."""
        estimates = signs @ self.parts
        without = signs @ self.left_out.T
        variance = np.zeros(len(signs))
        for name in np.unique(self.stratum):
            own = without[:, self.stratum == name]
            members = own.shape[1]
            spread = ((own - own.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
            variance += (members - 1) / members * spread
        found: Floats = estimates**2 / np.maximum(variance, 1e-300)
        return found
