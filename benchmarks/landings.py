"""How often landings of a month and a quarter held, in worlds whose future is known."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.cost_forecasts import forecast_rows
from attribution.costs.daily_costs import DailyCosts
from attribution.costs.forecasting.forecast import forecast_series
from benchmarks.cost_worlds import LANDING_WORLDS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from attribution.costs.forecasting.forecast import Asked, SeriesForecast
    from attribution.costs.kept_forecasts import Key


@dataclass(frozen=True, slots=True)
class LandingFigures:
    """What was measured of one world's months or quarters.

    Attributes
    ----------
    count : int
        Draws that had days to go and an interval.
    coverage : float
        Part of them whose interval held what came.
    error_ratio, width_ratio : float
        Median of the error and of the interval, relative to what came.
    """

    count: int
    coverage: float
    error_ratio: float
    width_ratio: float


def landing_figures(world: str, seeds: Iterable[int]) -> dict[str, LandingFigures]:
    """Forecast many draws of a world and count how often the interval held.

    Parameters
    ----------
    world : str
        One of :data:`benchmarks.cost_worlds.LANDING_WORLDS`.
    seeds : iterable of int
        Of the draws.

    Returns
    -------
    dict of str to LandingFigures
        Of the month and of the quarter that the day after the last one lies in.
    """
    found: dict[str, list[tuple[bool, float, float]]] = defaultdict(list)
    for seed in seeds:
        drawn = LANDING_WORLDS[world](seed)
        known = drawn.values[: drawn.known_days]
        last_day = drawn.first_day + timedelta(days=drawn.known_days - 1)
        costs = DailyCosts("EUR", last_day, {"model": known})
        for row in forecast_rows([costs], _fresh)["cost_landings"]:
            low, high = row["remaining_cost_low"], row["remaining_cost_high"]
            days = row["remaining_day_count"]
            if row["series"] != "total" or not days or low is None:
                continue
            came = float(drawn.values[drawn.known_days :][:days].sum())
            least = 1e-9 * float(known.sum())
            held = low - least <= came <= high + least
            of = max(came, least)
            error = abs(row["remaining_cost"] - came) / of
            found[row["landing"]].append((held, error, (high - low) / of))
    return {landing: _figures(rows) for landing, rows in found.items()}


def _figures(rows: list[tuple[bool, float, float]]) -> LandingFigures:
    held, error, width = np.array(rows, dtype=float).T
    return LandingFigures(
        len(rows), float(held.mean()), float(np.median(error)), float(np.median(width))
    )


def _fresh(asked: Mapping[Key, Asked]) -> dict[Key, SeriesForecast]:
    # As the smaller parts of a spend are: what is estimated is hardly ever chosen.
    return {
        key: forecast_series(replace(one, with_estimates=False))
        for key, one in asked.items()
    }
