"""A difference in changes that is right if either of two models of covariates is.

Sant'Anna and Zhao 2020 (J. Econometrics 219), the estimator for panels: the part of
compared units' changes due to covariates is removed, and compared units are weighed as
if they had the covariates of the treated. Influence functions hold the estimation of
both.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from attribution.arrays import Flags, Floats

#: A compared unit that is as surely treated has nobody to stand for.
MOST_LIKELY = 0.995


def doubly_robust_difference(
    change: Floats,
    treated: Flags,
    covariates: Floats,
    selection: Floats,
) -> tuple[float, Floats]:
    """Return the treated units' excess change over similar units.

    Parameters
    ----------
    change : ndarray, shape (units,)
        Of the outcome.
    treated : ndarray of bool, shape (units,)
        The others are compared.
    covariates : ndarray, shape (units, covariates)
        Covariates that changes may depend on.
    selection : ndarray, shape (units, covariates)
        Covariates that treatment may depend on.

    Returns
    -------
    float, ndarray of shape (units,)
        The average effect on the treated; the influence of each unit.

    Raises
    ------
    ValueError
        Too few units for the covariates, or covariates that separate the treated.
    """
    return AlikeUnits.of(treated, covariates, selection).difference(change)


@dataclass(frozen=True, eq=False)
class AlikeUnits:
    """Compared units that represent treated units, for any change.

    Attributes
    ----------
    treated : ndarray of bool, shape (units,)
        The others are compared.
    design, selection : ndarray, shape (units, 1 + covariates)
        Covariates of changes and of treatment, with a constant.
    solved : ndarray, shape (units, 1 + covariates)
        Influence of each unit on a fit of changes on compared units.
    weight : ndarray, shape (units,)
        Of each compared unit, as likely to be treated as the treated are; zero for
        the treated.
    score : ndarray, shape (units, 1 + covariates of treatment)
        Influence of each unit on the model of treatment.
    """

    treated: Flags
    design: Floats
    selection: Floats
    solved: Floats
    weight: Floats
    score: Floats

    @classmethod
    def of(cls, treated: Flags, covariates: Floats, selection: Floats) -> AlikeUnits:
        """Weigh compared units, as :func:`doubly_robust_difference` does.

        Raises
        ------
        ValueError
            Too few units for the covariates, or covariates that separate the treated.
        """
        design, chosen = _with_constant(covariates), _with_constant(selection)
        likely, score = _propensity(chosen, treated)
        weight = np.where(treated, 0.0, likely / np.where(treated, 1.0, 1.0 - likely))
        return cls(treated, design, chosen, _solved(design, ~treated), weight, score)

    def difference(self, change: Floats) -> tuple[float, Floats]:
        """Return the treated units' excess change, and each unit's influence."""
        treated, design, weight = self.treated, self.design, self.weight
        d = treated.astype(float)
        count = len(d)
        rows = design[~treated]
        apart = change - design @ np.linalg.lstsq(rows, change[~treated])[0]
        least_squares = np.where(treated, 0.0, apart)[:, None] * self.solved
        effect = float(apart[treated].mean())
        left = float(weight @ apart / weight.sum())
        own = d * (apart - effect) - least_squares @ (d @ design) / count
        pull = weight * (apart - left)
        other = pull + self.score @ (pull @ self.selection) / count
        other = other - least_squares @ (weight @ design) / count
        influence = own / d.mean() - other / weight.mean()
        return effect - left, influence


def _with_constant(covariates: Floats) -> Floats:
    return np.column_stack([np.ones(len(covariates)), covariates])


def _solved(design: Floats, compared: Flags) -> Floats:
    """Return how a fit on compared units depends on each unit."""
    rows = design[compared]
    if np.linalg.matrix_rank(rows) < design.shape[1]:
        raise ValueError("too few compared units for the covariates")
    squares = rows.T @ rows / len(design)
    solved: Floats = np.asarray(np.linalg.solve(squares, design.T).T, dtype=np.float64)
    return solved


def _propensity(design: Floats, treated: Flags) -> tuple[Floats, Floats]:
    """Return how likely each unit was to be treated, and how that depends on each."""
    # Slow to load, and few roll-outs declare covariates.
    from statsmodels.discrete.discrete_model import Logit  # noqa: PLC0415
    from statsmodels.tools.sm_exceptions import ModelWarning  # noqa: PLC0415

    d = treated.astype(float)
    try:
        with warnings.catch_warnings(), np.errstate(over="ignore"):
            warnings.simplefilter("error", ModelWarning)
            fit = Logit(d, design).fit(disp=0)
    except (ModelWarning, np.linalg.LinAlgError) as error:
        raise ValueError("covariates tell treated units from compared ones") from error
    likely = np.asarray(fit.predict(design))
    if likely[~treated].max() > MOST_LIKELY:
        raise ValueError("no treated unit is like some compared ones")
    hessian = np.asarray(fit.cov_params()) * len(d)
    return likely, (d - likely)[:, None] * design @ hessian
