"""Stopped series: at nothing for longer than ever before."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from attribution.arrays import Floats

#: So many days at nothing are no pause, on top of so many times the longest pause
#: before.
_LEAST_DAYS, _TIMES_LONGEST = 3, 2
#: A return less likely than this lies beyond the interval.
_BEYOND_INTERVAL = 0.05


def stopped_days(values: Floats) -> int:
    """Return for how many days a series has stopped; 0 where it has not."""
    is_there = np.flatnonzero(values)
    if not len(is_there):
        return 0
    pause = len(values) - 1 - int(is_there[-1])
    longest = int(np.diff(is_there).max(initial=1)) - 1
    return pause if pause >= _LEAST_DAYS + _TIMES_LONGEST * longest else 0


def may_return(pause: int) -> bool:
    """Return True if a return after so many days is likely enough to count.

    By the rule of succession: 1 ÷ (days at nothing + 2).
    """
    return 1.0 / (pause + 2) > _BEYOND_INTERVAL
