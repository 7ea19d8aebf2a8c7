"""Non-linear divergence of adopters and others before the first start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from attribution.arrays import Floats
    from attribution.causal.estimators.rollouts.data import RolloutData

HISTORIES = 999
PERIODS_FOR_PATH = 4


def parting_p_value(data: RolloutData, rng: np.random.Generator) -> float | None:
    """Return how often starts at random part as much before the first of them.

    The sum over periods of the squared difference between adopters and others, each
    about its own straight line. Random starts go to whole clusters. ``None`` where
    there is nothing to see: few periods, or no unit that never starts.
    """
    before = data.outcome[:, : data.launch]
    adopts = data.first < data.outcome.shape[1]
    if data.launch < PERIODS_FOR_PATH or adopts.all():
        return None
    centred = _without_covariates(_without_lines(before), data.covariates)
    centred = centred - centred.mean(axis=0)
    starts = np.vstack([data.first, data.permuted_first(rng, HISTORIES)])
    chosen = (starts < data.outcome.shape[1]).astype(float)
    treated = chosen.sum(axis=1, keepdims=True)
    apart = chosen @ centred * (1.0 / treated + 1.0 / (len(before) - treated))
    partings = ((apart - apart.mean(axis=1)[:, None]) ** 2).sum(axis=1)
    return float((partings >= partings[0] * (1.0 - 1e-9)).mean())


def _without_lines(before: Floats) -> Floats:
    """Return each unit about its own straight line; zero where it is unknown."""
    known = np.isfinite(before)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    y = np.where(known, before, 0.0)
    y = np.where(known, y - y.sum(axis=1, keepdims=True) / count, 0.0)
    time = np.where(known, np.arange(before.shape[1]), 0.0)
    time = np.where(known, time - time.sum(axis=1, keepdims=True) / count, 0.0)
    squares = np.maximum((time**2).sum(axis=1, keepdims=True), 1e-300)
    left: Floats = y - time * (time * y).sum(axis=1, keepdims=True) / squares
    return left


def _without_covariates(centred: Floats, covariates: Floats | None) -> Floats:
    """Return the residuals of each period from covariates."""
    if covariates is None:
        return centred
    design = np.column_stack([np.ones(len(centred)), covariates])
    left: Floats = centred - design @ np.linalg.lstsq(design, centred)[0]
    return left
