"""Companies that ask for their first study: outcomes, starts by unit and the truth.

Each newcomer delivers a file of outcomes and knows when each unit got the feature. A
quarter of them has one series, a quarter a few teams, the rest more units at once, in
waves, or one region of several. Outcomes grow by amounts or by shares; one in eight
redefined the metric in its history. The planted effect is ten times the noise of a
cell, or nothing. The generator is frozen by a hash of its figures.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Final, Literal

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from attribution.arrays import Floats, Whole

Shape = Literal["one series", "few teams", "at once", "waves", "one region"]
_SHAPES: Final[tuple[Shape, ...]] = (
    "one series",
    "few teams",
    "at once",
    "waves",
    "one region",
)
_SHARES: Final = (0.25, 0.25, 0.2, 0.2, 0.1)
#: Parts of companies with weekly figures, growth by amounts, a redefined metric.
_WEEKLY, _BY_AMOUNTS, _REDEFINED = 0.35, 0.5, 0.125
_FIRST_DAY: Final = date(2025, 1, 6)
#: Size of the planted effect, in standard deviations of the noise of a cell.
EFFECT: Final = 10.0


@dataclass(frozen=True)
class Newcomer:
    """One company before its first study.

    Attributes
    ----------
    frame : DataFrame
        ``unit``, ``date`` and ``outcome``, a row for each unit and day or week.
    starts : mapping of str to date
        First date with the feature; units that never got it are absent.
    effect : DataFrame
        ``date`` and ``effect``: sum over treated units, in the unit of the outcome.
    shape, scale, is_redefined
        How outcomes were made.
    """

    frame: pd.DataFrame
    starts: dict[str, date]
    effect: pd.DataFrame
    shape: Shape
    scale: Literal["additive", "multiplicative"]
    is_redefined: bool

    def truth(self, end: date) -> float:
        """Return the total effect before a date."""
        inside = self.effect["date"] < pd.Timestamp(end)
        return float(self.effect["effect"][inside].sum())


def newcomer(seed: int, *, has_effect: bool = True) -> Newcomer:
    """Draw one company.

    Parameters
    ----------
    seed : int
        Of all its random numbers.
    has_effect : bool
        Whether the feature changes the outcome at all.
    """
    rng = np.random.default_rng((20_261_202, seed))
    shape = _SHAPES[int(rng.choice(len(_SHAPES), p=_SHARES))]
    is_weekly = bool(rng.random() < _WEEKLY)
    units = _unit_count(rng, shape)
    after = int(rng.integers(8, 14) if is_weekly else rng.integers(28, 61))
    before = int(after * rng.uniform(2.0, 6.0)) + 2
    first = _starts(rng, shape, units, before, after)
    scale: Literal["additive", "multiplicative"] = (
        "additive" if rng.random() < _BY_AMOUNTS else "multiplicative"
    )
    noise = float(rng.uniform(0.01, 0.03))
    usual = _outcomes(rng, units, before + after, scale, noise, is_weekly=is_weekly)
    treated = np.arange(before + after) >= first[:, None]
    share = EFFECT * noise * float(rng.choice([-1.0, 1.0])) if has_effect else 0.0
    effect = np.where(treated, share * usual, 0.0)
    if scale == "additive":
        level = usual.mean(axis=1, keepdims=True)
        effect = np.where(treated, share * level, 0.0)
    outcome = usual + effect
    is_redefined = bool(rng.random() < _REDEFINED)
    if is_redefined:
        outcome[:, : before // 3] *= float(rng.uniform(0.4, 0.7))
    return _newcomer(outcome, effect, first, is_weekly, shape, scale, is_redefined)


def _newcomer(
    outcome: Floats,
    effect: Floats,
    first: Whole,
    is_weekly: bool,  # noqa: FBT001
    shape: Shape,
    scale: Literal["additive", "multiplicative"],
    is_redefined: bool,  # noqa: FBT001
) -> Newcomer:
    periods = outcome.shape[1]
    dates = pd.date_range(
        _FIRST_DAY, periods=periods, freq="W-MON" if is_weekly else "D"
    )
    names = [f"unit-{number:02d}" for number in range(1, len(outcome) + 1)]
    frame = pd.DataFrame(
        {
            "unit": np.repeat(names, periods),
            "date": np.tile(dates, len(names)),
            "outcome": outcome.ravel().round(3),
        }
    )
    starts = {
        name: dates[start].date()
        for name, start in zip(names, first.tolist(), strict=True)
        if start < periods
    }
    total = pd.DataFrame({"date": dates, "effect": effect.sum(axis=0)})
    return Newcomer(frame, starts, total, shape, scale, is_redefined)


def _unit_count(rng: np.random.Generator, shape: Shape) -> int:
    least, most = {
        "one series": (1, 1),
        "few teams": (3, 9),
        "at once": (12, 30),
        "waves": (12, 30),
        "one region": (8, 20),
    }[shape]
    return int(rng.integers(least, most + 1))


def _starts(
    rng: np.random.Generator, shape: Shape, units: int, before: int, after: int
) -> Whole:
    """Return the first treated period by unit, shape (units,); all for never."""
    first = np.full(units, before + after)
    if shape in ("one series", "one region"):
        first[0] = before
        return first
    some = max(1, round(units * float(rng.uniform(0.35, 0.65))))
    chosen = rng.permutation(units)[:some]
    first[chosen] = before
    if shape == "waves":
        waves = int(rng.integers(2, 5))
        first[chosen] = before + rng.integers(0, waves, some) * (after // (2 * waves))
        first[chosen[0]] = before
    return first


def _outcomes(
    rng: np.random.Generator,
    units: int,
    periods: int,
    scale: str,
    noise: float,
    *,
    is_weekly: bool,
) -> Floats:
    """Return outcomes without the feature, shape (units, periods)."""
    level = 1000.0 * np.exp(rng.normal(0.0, 0.5, units))[:, None]
    days = np.arange(periods) * (7 if is_weekly else 1)
    growth = float(rng.choice([0.0, 0.0, rng.uniform(0.05, 0.4)]))
    common = np.cumsum(rng.normal(0.0, noise / 10.0, periods)) + growth * days / 365.0
    week = np.zeros(periods)
    if not is_weekly:
        week = rng.normal(0.0, 0.05, 7)[days % 7]
    shocks = rng.normal(0.0, noise, (units, periods))
    if scale == "multiplicative":
        whole: Floats = level * np.exp(common + week + shocks)
        return whole
    added: Floats = level + 1000.0 * (common + week) + level * shocks
    return added
