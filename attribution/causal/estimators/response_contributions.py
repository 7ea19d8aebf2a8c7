"""Contributions of drivers to a change, from draws of coefficients.

Drivers, season and drift are linear in the coefficients, and the remainder of the
observed change is the rest (level and errors), so every draw sums exactly.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.causal.contributions import Contributions, Factor

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from numpy.typing import NDArray

    from attribution.arrays import Floats
    from attribution.causal.estimators.response_model import ResponseFit


def change_at(outcome: Floats, launch: int) -> Floats:
    """Return multiples that make the mean from the launch on less that before it.

    Unknown outcomes have none.
    """
    known = np.isfinite(outcome)
    after = np.arange(len(known)) >= launch
    change: Floats = known * (
        after / (known & after).sum() - ~after / (known & ~after).sum()
    )
    return change


def contributions_of(
    fitted: ResponseFit,
    names: Sequence[str],
    drawn: tuple[Floats, NDArray[np.intp]],
    multiples: Floats,
    *,
    joint: Collection[int],
    unit: str,
) -> Contributions:
    """Return the contributions of each driver, drift, season and the rest.

    Parameters
    ----------
    fitted : ResponseFit
        The model.
    names : sequence of str
        Of its drivers.
    drawn : tuple
        Draws of the coefficients, and the model of each.
    multiples : ndarray, shape (periods,)
        The change is the sum of the outcome times these: zero in all.
    joint : collection of int
        Drivers of which only the sum is known.
    unit : str
        Of the change.
    """
    coefficients, model = drawn
    changes = np.stack([multiples @ member.regressors for member in fitted.members])
    parts = coefficients * changes[model]
    alone = [j for j in range(len(names)) if j not in joint]
    columns = [parts[:, j] for j in alone]
    factors = [
        Factor(names[j], "driver", robustness_of(fitted, one_of(fitted, j)))
        for j in alone
    ]
    if len(joint):
        together = sorted(joint)
        columns.append(parts[:, together].sum(axis=1))
        factors.append(Factor(" and ".join(names[j] for j in together), "joint"))
    season = slice(len(names), parts.shape[1] - int(fitted.has_drift))
    columns.append(parts[:, season].sum(axis=1))
    factors.append(Factor("season", "season"))
    if fitted.has_drift:
        columns.append(parts[:, -1])
        factors.append(Factor("drift", "drift"))
    change = float(multiples @ np.nan_to_num(fitted.outcome))
    columns.append(change - np.sum(columns, axis=0))
    factors.append(Factor("not explained", "residual"))
    equal = np.full(len(parts), 1.0 / len(parts))
    return Contributions.of(factors, np.column_stack(columns), equal, unit)


def one_of(fitted: ResponseFit, column: int) -> list[Floats]:
    """Return the loadings of a single coefficient, by model."""
    return [np.eye(len(member.scales))[column] for member in fitted.members]


def robustness_of(fitted: ResponseFit, loadings: Sequence[Floats]) -> float:
    """Return the robustness value of a sum with these loadings."""
    mean, sd = fitted.mean_and_sd(loadings)
    known = int(np.isfinite(fitted.outcome).sum())
    return robustness_value(mean / sd, known - len(loadings[0]) - 1.0)


def robustness_value(t_value: float, degrees: float) -> float:
    """Return the partial R² that explains an estimate away.

    Something undeclared needs that much of the variance that is left, both of the
    driver and of the outcome (Cinelli and Hazlett 2020, section 4).
    """
    f = abs(t_value) / np.sqrt(degrees)
    return float(0.5 * (np.sqrt(f**4 + 4.0 * f**2) - f**2))
