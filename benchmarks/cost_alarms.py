"""How often anomalies are found, and raised where there is none, in known worlds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from attribution.costs.anomalies.detection import judged, told_of
from attribution.costs.cost_anomalies import LEAST_PART_OF_A_DAY
from benchmarks.cost_worlds import DISTURBED_WORLDS, ORDINARY_WORLDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attribution.costs.anomalies.detection import Finding
    from benchmarks.cost_worlds import CostWorld


def recall(world: str, seeds: Iterable[int]) -> float:
    """Return the part of what was planted that was found by the last day given for it.

    Parameters
    ----------
    world : str
        One of :data:`benchmarks.cost_worlds.DISTURBED_WORLDS`.
    seeds : iterable of int
        Of the draws.
    """
    return float(np.mean([_is_found(DISTURBED_WORLDS[world](seed)) for seed in seeds]))


def false_alarms(world: str, seeds: Iterable[int]) -> float:
    """Return findings per model and year where nothing was planted.

    Parameters
    ----------
    world : str
        One of :data:`benchmarks.cost_worlds.ORDINARY_WORLDS`.
    seeds : iterable of int
        Of the draws.
    """
    found = []
    for seed in seeds:
        drawn = ORDINARY_WORLDS[world](seed)
        begins = [finding.first for finding in findings(drawn, len(drawn.values))]
        found.append(sum(first >= drawn.known_days for first in begins))
    return float(np.mean(found))


def findings(drawn: CostWorld, days: int) -> list[Finding]:
    """Return what is found in the first days, as if the model were the whole spend."""
    values = drawn.values[:days]
    least = LEAST_PART_OF_A_DAY * float(np.median(values))
    return told_of(
        judged(values, drawn.first_day),
        least_excess=np.full(len(values), least),
        alarms_when_new=False,
    )


def _is_found(drawn: CostWorld) -> bool:
    assert drawn.disturbed is not None  # noqa: S101  (of what was planted)
    first, last = drawn.disturbed
    return any(
        finding.first <= last and finding.last >= first
        for finding in findings(drawn, last + 1)
    )
