"""Protocol of every estimator module in this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan
    from attribution.causal.result import Estimate


class Estimator(Protocol):
    """Module that answers a single kind of question.

    Its docstring has the estimand, the assumptions and the references.
    """

    def validate(self, panel: Panel, plan: Plan) -> None:
        """Refuse an inestimable design before anything is fitted.

        Raises
        ------
        RefusalError
            With the number that failed.
        """

    def fit(self, panel: Panel, plan: Plan, rng: np.random.Generator) -> Estimate:
        """Return the estimate with its checks.

        Raises
        ------
        RefusalError
            If only the fit can show it.
        """
        ...
