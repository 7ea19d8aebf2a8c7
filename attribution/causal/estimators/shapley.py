"""A change shared out over what made it: the average over all orders of counting.

Albrecht, François and Schoors 2002 (Energy Policy 30). Exact, and a convention: it says
what each factor gets, not what it caused.
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
        How many players.
    value : callable
        What some of them, in order of their numbers, make together; of nobody, too.
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
