"""Shapley shares of a change: the average over all counting orders.

Albrecht, François and Schoors 2002 (Energy Policy 30). Exact, and a convention: it
states each factor's share, not its causal effect.
"""

from __future__ import annotations

from itertools import combinations
from math import factorial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


def shapley_parts(count: int, value: Callable[[tuple[int, ...]], float]) -> list[float]:
    """Return each player's average gain over all orders.

    Parameters
    ----------
    count : int
        Number of players.
    value : callable
        Value of a coalition, in order of players' numbers; of the empty coalition, too.
    """
    players = range(count)
    values = {
        some: value(some)
        for size in range(count + 1)
        for some in combinations(players, size)
    }
    parts = []
    for player in players:
        others = [one for one in players if one != player]
        part = 0.0
        for size in range(count):
            weight = factorial(size) * factorial(count - size - 1) / factorial(count)
            for some in combinations(others, size):
                joined = tuple(sorted((*some, player)))
                part += weight * (values[joined] - values[some])
        parts.append(part)
    return parts
