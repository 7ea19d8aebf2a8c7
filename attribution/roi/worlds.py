"""Draws shared by both sides: the levels of every assumption.

A world is a single draw of everything that is not certain. An assumption has the same
level in a world in all its uses, in benefit and in cost, in every month and feature.
Its levels depend on its name and the seed alone, so that another assumption beside it
changes nothing.
"""

from __future__ import annotations

import functools
import zlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.causal.effect import stratified_levels

if TYPE_CHECKING:
    from collections.abc import Mapping

    from attribution.arrays import Floats
    from attribution.roi.register import Assumed

#: Worlds that are drawn: as many as a study has draws.
WORLD_COUNT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Worlds:
    """Draws of everything that is assumed.

    Attributes
    ----------
    seed : int
        The same seed gives the same worlds.
    levels : mapping of str to float
        Assumptions that are held at a single level in all worlds: by id all versions of
        an assumption, or a single version by its name with the version.
    factors : mapping of str to float
        Assumptions that are multiplied by a factor in all worlds.
    """

    seed: int = 0
    levels: Mapping[str, float] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)

    def of(self, assumption: Assumed) -> Floats:
        """Return the value of an assumption in each world, in its unit."""
        level = self.levels.get(assumption.id, self.levels.get(assumption.versioned))
        if level is None:
            drawn = _levels(self.seed, assumption.id)
        else:
            drawn = np.full(WORLD_COUNT, level)
        factor = self.factors.get(
            assumption.id, self.factors.get(assumption.versioned, 1.0)
        )
        return assumption.at(drawn) * factor

    def source(self, name: str) -> np.random.Generator:
        """Return the source of random numbers of a name."""
        return _source(self.seed, name)

    def holding(self, name: str, level: float, *, factor: float = 1.0) -> Worlds:
        """Return these worlds with an assumption at a level, times a factor."""
        return replace(
            self,
            levels={**self.levels, name: level},
            factors={**self.factors, name: factor},
        )


def _source(seed: int, name: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


@functools.lru_cache(maxsize=1024)
def _levels(seed: int, name: str) -> Floats:
    """Return the levels of a name; they depend on the seed and the name alone."""
    levels = stratified_levels(WORLD_COUNT, _source(seed, name))
    levels.flags.writeable = False
    return levels
