"""Which studies are to be estimated, and what was done about them.

Apart from what estimates them, which a run with nothing new does not need.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from attribution.causal.plan import Plan
    from attribution.studies.register import StudyRegister


@dataclass(frozen=True, slots=True)
class StudyRequest:
    """Which studies are to be estimated.

    Attributes
    ----------
    plans : sequence of Plan
        Those that have a file in the workspace.
    register : StudyRegister
        What was locked: a plan that stands there is estimated without a file, too.
    only : collection of str
        Names of the studies that may be fitted now; all where none is named.
    seed : int
        What the seed of each study is derived from, with its name.
    processes : int or None
        How many fit at the same time; as many as there are cores by default.
    """

    plans: Sequence[Plan]
    register: StudyRegister
    only: Collection[str] = ()
    seed: int = 0
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class StudyReport:
    """What was done about the studies.

    Attributes
    ----------
    fitted : tuple of str
        Those that were estimated or refused now.
    removed : tuple of str
        Those that have neither a file nor an entry.
    statuses : mapping of str to str
        Of all that are stored: estimated, refused, failed.
    """

    fitted: tuple[str, ...]
    removed: tuple[str, ...]
    statuses: Mapping[str, str]
