"""What a world is: data, the facts that its plan declares, and the truth."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from attribution.arrays import Floats

Origin = Literal["reported", "own"]
START = "2024-01-01"
_SEEDS_HASHED = 3
_DIGITS_HASHED = 6


@dataclass(frozen=True, eq=False)
class Trial:
    """One draw of a world.

    Attributes
    ----------
    frame : DataFrame
        ``unit``, ``date``, ``outcome`` and the columns that the facts name.
    facts : mapping
        Fields of the plan that are not the same in every study.
    truth : float
        The total effect, in the unit of the outcome.
    """

    frame: pd.DataFrame
    facts: Mapping[str, Any]
    truth: float


@dataclass(frozen=True)
class World:
    """A way to make trials.

    Attributes
    ----------
    name : str
        What it is called in cards.
    design : str
        The estimator that it is for.
    origin : {"reported", "own"}
        Whether an issue reported it, or it was thought up before the methods.
    make : callable
        A trial of a generator.
    beyond : bool
        Whether no method that sees only these data and facts can hold in it: it is
        shown, and not judged.
    """

    name: str
    design: str
    origin: Origin
    make: Callable[[np.random.Generator], Trial]
    beyond: bool = False

    def trial(self, seed: int) -> Trial:
        """Return the trial of a seed: the same on every machine."""
        number = int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:4])
        return self.make(np.random.default_rng([seed, number]))

    def hash(self) -> str:
        """Return the SHA-256 of the first trials' data and truth, to six digits."""
        digest = hashlib.sha256()
        for seed in range(_SEEDS_HASHED):
            trial = self.trial(seed)
            digest.update(f"{trial.truth:.{_DIGITS_HASHED}g}".encode())
            for name in sorted(map(str, trial.frame.columns)):
                digest.update(_told(trial.frame[name]).encode())
        return digest.hexdigest()


def panel_trial(
    outcome: Floats,
    launch: int,
    truth: float,
    facts: Mapping[str, Any],
    *,
    period: str = "day",
    columns: Mapping[str, Floats] | None = None,
) -> Trial:
    """Return units by periods as the rows and facts of a study.

    Parameters
    ----------
    outcome : ndarray, shape (units, periods)
        Units are called ``u00`` and so on; NaN leaves the row out.
    launch : int
        Position of the first period with the feature.
    truth : float
        The total effect.
    facts : mapping
        Of the plan, beyond launch, window and period.
    period : {"day", "week", "month", "year"}
        Length of a period.
    columns : mapping of str to ndarray, shape (units, periods)
        What stands beside the outcome.
    """
    units, periods = outcome.shape
    frequency = {"day": "D", "week": "W-MON", "month": "MS", "year": "YS"}[period]
    dates = pd.date_range(START, periods=periods + 1, freq=frequency)
    rows = pd.DataFrame(
        {
            "unit": np.repeat([f"u{i:02}" for i in range(units)], periods),
            "date": np.tile(dates[:-1], units),
            "outcome": outcome.ravel(),
            **{name: values.ravel() for name, values in (columns or {}).items()},
        }
    )
    declared = {
        "launch": dates[launch].date(),
        "window": {"start": dates[0].date(), "end": dates[-1].date()},
        "period": period,
        "may_be_negative": True,
    }
    known = rows[rows["outcome"].notna()].reset_index(drop=True)
    return Trial(known, declared | dict(facts), float(truth))


def walk(rng: np.random.Generator, shape: tuple[int, ...], sd: float) -> Floats:
    """Return random walks along the last axis."""
    steps: Floats = np.cumsum(rng.normal(0.0, sd, shape), axis=-1)
    return steps


def autoregressions(
    rng: np.random.Generator, count: int, periods: int, phi: float, sd: float
) -> Floats:
    """Return stationary AR(1) rows with a given standard deviation."""
    found = rng.normal(0.0, sd, (count, periods))
    found[:, 1:] *= np.sqrt(1.0 - phi**2)
    for at in range(1, periods):
        found[:, at] += phi * found[:, at - 1]
    return found


def _told(column: pd.Series[Any]) -> str:
    if pd.api.types.is_numeric_dtype(column):
        return ",".join(f"{value:.{_DIGITS_HASHED}g}" for value in column)
    return ",".join(column.astype(str))
