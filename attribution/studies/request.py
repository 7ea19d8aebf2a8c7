"""Studies to be estimated, and a report on their processing.

Separate from the code that estimates them, which a run with nothing new does not need.
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
    """Studies to be estimated.

    Attributes
    ----------
    plans : sequence of Plan
        Those that have a file in the workspace.
    register : StudyRegister
        Locked plans: a plan in the register is estimated without a file, too.
    only : collection of str
        Names of the studies that may be fitted now; all where none is named.
    seed : int
        Base of the seed of each study, together with its name.
    processes : int or None
        Number fitted at the same time; as many as there are cores by default.
    """

    plans: Sequence[Plan]
    register: StudyRegister
    only: Collection[str] = ()
    seed: int = 0
    processes: int | None = None


@dataclass(frozen=True, slots=True)
class StudyReport:
    """Report on the processing of the studies.

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
