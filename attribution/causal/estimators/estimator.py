"""The protocol that every module beside this one keeps."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import numpy as np

    from attribution.causal.panel import Panel
    from attribution.causal.plan import Plan
    from attribution.causal.result import Estimate


class Estimator(Protocol):
    """A module that answers one kind of question.

    Its docstring has the estimand, the assumptions and the references.
    """

    def validate(self, panel: Panel, plan: Plan) -> None:
        """Refuse what this design cannot estimate, before anything is fitted.

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
            Where only the fit can tell.
        """
        ...
