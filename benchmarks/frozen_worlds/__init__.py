"""Worlds that were written before the methods that are judged in them.

Each makes data, the facts that a plan declares, and the truth. Their data is frozen by
a hash (``hashes.json``): a method may be changed until it holds in them, a world not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.frozen_worlds.donors import DONOR_WORLDS
from benchmarks.frozen_worlds.neighbours import NEIGHBOUR_WORLDS
from benchmarks.frozen_worlds.rollouts import ROLLOUT_WORLDS
from benchmarks.frozen_worlds.series import SERIES_WORLDS
from benchmarks.frozen_worlds.trials import TRIAL_WORLDS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.frozen_worlds.world import World

#: Name → world, of all designs.
FROZEN_WORLDS: Mapping[str, World] = {
    world.name: world
    for world in (
        *DONOR_WORLDS,
        *TRIAL_WORLDS,
        *ROLLOUT_WORLDS,
        *NEIGHBOUR_WORLDS,
        *SERIES_WORLDS,
    )
}
