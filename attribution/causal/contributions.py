"""Contributions of each factor to a change, which sum in every draw.

Ends of intervals and medians do not sum; means and draws do. A waterfall shows means.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from attribution.causal.effect import Distribution

if TYPE_CHECKING:
    from collections.abc import Sequence

    from attribution.arrays import Floats

Kind = Literal["driver", "joint", "drift", "season", "residual", "total"]
#: Level of the interval that is shown beside each contribution.
LEVEL = 0.9


@dataclass(frozen=True, slots=True)
class Factor:
    """Single bar of a change.

    Attributes
    ----------
    name : str
        Factor that moved the outcome.
    kind : {"driver", "joint", "drift", "season", "residual", "total"}
        ``joint`` for inseparable factors that share a bar.
    robustness_value : float or None
        The partial R² that something undeclared would need with this factor and with
        the outcome to explain the contribution away; ``None`` where it means nothing.
    """

    name: str
    kind: Kind
    robustness_value: float | None = None


@dataclass(frozen=True, eq=False)
class Contributions:
    """Draws of each factor's contribution, in the unit of the outcome.

    Attributes
    ----------
    factors : tuple of Factor
        The total is the last, and the sum of the others in each draw.
    draws : ndarray, shape (draws, factors)
        One column for each factor.
    weights : ndarray, shape (draws,)
        Above zero, with sum 1.
    unit : str
        Unit of measurement.
    """

    factors: tuple[Factor, ...]
    draws: Floats
    weights: Floats
    unit: str

    @classmethod
    def of(
        cls, factors: Sequence[Factor], draws: Floats, weights: Floats, unit: str
    ) -> Contributions:
        """Add the total to draws of the parts."""
        total = draws.sum(axis=1)
        return cls(
            (*factors, Factor("total", "total")),
            np.column_stack([draws, total]),
            weights,
            unit,
        )

    @property
    def table(self) -> pd.DataFrame:
        """Return one row per factor, in order, with mean and 90 % interval."""
        ends = [
            Distribution.of(column, self.weights).interval(LEVEL)
            for column in np.ascontiguousarray(self.draws.T)
        ]
        return pd.DataFrame(
            {
                "factor": [factor.name for factor in self.factors],
                "kind": [factor.kind for factor in self.factors],
                "contribution": self.weights @ self.draws,
                "contribution_low_90": [low for low, _ in ends],
                "contribution_high_90": [high for _, high in ends],
                "robustness_value": [one.robustness_value for one in self.factors],
                "unit": self.unit,
            }
        )
