"""Claims of studies on a feature, to value and possibly to count.

A claim is a feature's effect on an outcome over some months. Grades A and B may be
counted; C and D are listed; X has no effect. A claim that may not be counted never
changes a claim that may. A study that is withdrawn by two people, or with a window that
is not over, is listed too, and not counted.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Final

import numpy as np

from attribution.roi.register import month_end, month_start
from attribution.roi.worlds import WORLD_COUNT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from attribution.arrays import Floats
    from attribution.roi.worlds import Worlds

COUNTED_GRADES: Final = frozenset({"A", "B"})
#: Standing of a study before its registered end, and of a study that two people
#: withdrew.
INTERIM: Final = "interim"
WITHDRAWN: Final = "withdrawn"
ESTIMATED: Final = "estimated"


@dataclass(frozen=True, eq=False, slots=True)
class Claim:
    """Claim of a single study.

    Attributes
    ----------
    months : tuple of str
        Months with an effect, ``YYYY-MM``, in order.
    effects : ndarray, shape (worlds, months)
        Total effect over the treated units in the outcome's unit; infinite in worlds
        in which the study knows no bound.
    units : frozenset of str
        Treated units; empty: all there are.
    first_day, end : date or None
        Days that it speaks of, half-open; ``None``: all days of its months.
    standing : str
        Status of the study in the ledger: registered, interim, withdrawn and so on.
    evidence : str
        Hashes of the plan and of the data.
    better : {"more", "less"} or None
        Good direction of the outcome, where the plan states it.
    ages : tuple of int
        By month: months since it was last measured; empty where it is as measured.
    """

    study_id: str
    feature_id: str
    outcome: str
    outcome_unit: str
    grade: str
    status: str = ESTIMATED
    verdict: str = ""
    state: str = ""
    refusal_code: str | None = None
    months: tuple[str, ...] = ()
    effects: Floats = field(default_factory=lambda: np.zeros((WORLD_COUNT, 0)))
    units: frozenset[str] = frozenset()
    evidence: str = ""
    better: str | None = None
    first_day: date | None = None
    end: date | None = None
    standing: str = ""
    ages: tuple[int, ...] = ()

    @property
    def is_estimated(self) -> bool:
        """Return True if an effect may be reported: none before the end."""
        return (
            self.status == ESTIMATED
            and self.grade != "X"
            and self.standing != INTERIM
            and bool(self.months)
        )

    @property
    def may_count(self) -> bool:
        """Return True if the evidence is strong enough for the headline."""
        return (
            self.is_estimated
            and self.grade in COUNTED_GRADES
            and self.standing != WITHDRAWN
        )

    @property
    def periods(self) -> tuple[tuple[date, date], ...]:
        """Days of each month that it speaks of, half-open."""
        return tuple(
            (
                max(month_start(month), self.first_day or date.min),
                min(month_end(month), self.end or date.max),
            )
            for month in self.months
        )


def effects_by_world(
    draws: Iterable[tuple[str, int, float]], worlds: Worlds, study_id: str
) -> tuple[tuple[str, ...], Floats]:
    """Return months, and the effect of a study by world and month.

    Parameters
    ----------
    draws : iterable of (str, int, float)
        Month, number of the draw, total effect of the month.
    worlds : Worlds
        Decide which draw of the study falls into which world: the same draw for all of
        its months, and independent of other studies' draws.
    study_id : str
        Study of the draws.

    Notes
    -----
    Draws that are not stored are without bound. Half of their worlds have an effect of
    minus, half of plus infinity, so that no interval pretends to know an end.
    """
    rows = list(draws)
    months = tuple(sorted({month for month, _, _ in rows}))
    place = {month: number for number, month in enumerate(months)}
    effects = np.full((WORLD_COUNT, len(months)), np.nan)
    for month, draw, effect in rows:
        effects[draw, place[month]] = effect
    unbounded = np.flatnonzero(np.isnan(effects).any(axis=1))
    effects[unbounded[::2]] = -np.inf
    effects[unbounded[1::2]] = np.inf
    order = worlds.source(f"study {study_id}").permutation(WORLD_COUNT)
    return months, effects[order]
