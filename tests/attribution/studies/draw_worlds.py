"""Teams that grow at paces of their own, frozen before evidence of chance was asked."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd

from attribution.causal.random_assignment import drawn_arms

TEAMS, BEFORE, AFTER = 24, 26, 13
START = "2024-01-01"
NAMES = [f"team-{number:02}" for number in range(TEAMS)]


def growing_teams(seed: int) -> pd.DataFrame:
    """Return weekly figures of teams without any effect: no arms yet."""
    rng = np.random.default_rng([seed, 47])
    level = rng.normal(100.0, 5.0, TEAMS)[:, None]
    pace = rng.normal(0.0, 0.35, TEAMS)[:, None]
    noise = rng.normal(0.0, 3.0, (TEAMS, BEFORE + AFTER))
    outcome = level + pace * np.arange(BEFORE + AFTER) + noise
    dates = pd.date_range(START, periods=BEFORE + AFTER, freq="W-MON")
    return pd.DataFrame(
        {
            "unit": np.repeat(NAMES, BEFORE + AFTER),
            "date": np.tile(dates, TEAMS),
            "outcome": outcome.ravel(),
        }
    )


def paces(frame: pd.DataFrame) -> dict[str, float]:
    """Return the growth of each team before the launch, a line through its weeks."""
    weeks = np.arange(BEFORE)
    return {
        str(unit): float(np.polyfit(weeks, own["outcome"].to_numpy()[:BEFORE], 1)[0])
        for unit, own in frame.groupby("unit")
    }


def fastest(frame: pd.DataFrame) -> dict[str, int]:
    """Treat the half that grew fastest."""
    order = sorted(NAMES, key=paces(frame).__getitem__)
    return {name: int(name in order[TEAMS // 2 :]) for name in NAMES}


def best_of_seeds(frame: pd.DataFrame, count: int = 500) -> tuple[int, dict[str, int]]:
    """Draw by many seeds, and keep that with the fastest treated teams."""
    pace = paces(frame)
    drawn = {
        seed: drawn_arms(NAMES, seed=seed, share=0.5) for seed in range(1, count + 1)
    }
    best = max(
        drawn, key=lambda seed: sum(pace[name] * drawn[seed][name] for name in NAMES)
    )
    return best, drawn[best]


def frozen_hash() -> str:
    """Return the SHA-256 of the first worlds' data, to six digits."""
    digest = hashlib.sha256()
    for seed in range(3):
        digest.update(growing_teams(seed)["outcome"].to_numpy().round(6).tobytes())
    return digest.hexdigest()
