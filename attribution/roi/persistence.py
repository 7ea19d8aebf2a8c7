"""Persistence of an effect after its last measurement, by a single rule.

From the last measured month on a gain is taken to be between all of it and the
remainder of a linear fade to nothing within twelve months, each part as likely; a harm
is taken to last in full. Benefit to date, run rate and scenarios carry effects by it.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.roi.register import month_end, month_start
from attribution.roi.worlds import WORLD_COUNT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date

    from attribution.arrays import Floats
    from attribution.roi.claims import Claim
    from attribution.roi.worlds import Worlds

#: Months after the last measurement until an effect is unknown.
FADE_MONTHS: Final = 12
#: Part of a month from which on a study has seen it whole.
_SEEN_WHOLE: Final = 0.8
_MONTHS_OF_YEAR: Final = 12


def months_apart(first: str, last: str) -> int:
    """Return how many months lie between two.

    Examples
    --------
    >>> months_apart("2025-11", "2026-02")
    3
    """
    start, end = month_start(first), month_start(last)
    return (end.year - start.year) * _MONTHS_OF_YEAR + end.month - start.month


def carried(claim: Claim, months: Sequence[str]) -> tuple[Claim, int]:
    """Return a claim with its last whole month in each of some months, and its place.

    Parameters
    ----------
    claim : Claim
        As it was measured.
    months : sequence of str
        ``YYYY-MM``, in order. Measured months after the last of them are not looked at.
    """
    known = [n for n, month in enumerate(claim.months) if month <= months[-1]]
    known = known or list(range(len(claim.months)))
    seen = [_part_seen(claim.periods[n], claim.months[n]) for n in known]
    whole = [n for n, part in zip(known, seen, strict=True) if part >= _SEEN_WHOLE]
    place = whole[-1] if whole else known[int(np.argmax(seen))]
    scale = 1.0 if whole else 1.0 / max(seen)
    effect = claim.effects[:, place : place + 1] * scale
    ages = tuple(max(months_apart(claim.months[-1], month), 0) for month in months)
    return (
        replace(
            claim,
            months=tuple(months),
            effects=np.repeat(effect, len(months), axis=1),
            first_day=None,
            end=None,
            ages=ages,
        ),
        place,
    )


def faded(money: Floats, claim: Claim, worlds: Worlds) -> Floats:
    """Return money by world and month of a carried claim, with its gains faded."""
    if not any(claim.ages):
        return money
    source = worlds.source(f"persistence of {claim.study_id}")
    fade = source.uniform(size=WORLD_COUNT)[:, None]
    kept = 1.0 - fade * np.minimum(np.array(claim.ages) / FADE_MONTHS, 1.0)
    # An effect without bound stays without bound, however far it has faded.
    return np.where((money > 0) & np.isfinite(money), money * kept, money)


def _part_seen(period: tuple[date, date], month: str) -> float:
    """Return the part of a month's days that a study has seen."""
    first, end = period
    whole = (month_end(month) - month_start(month)).days
    return max((end - first).days, 1) / whole
