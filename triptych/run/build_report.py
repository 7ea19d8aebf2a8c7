"""Report of a build."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from attribution.studies.request import StudyReport
    from triptych.core.dbt.commands import TransformOutcome


@dataclass(frozen=True, slots=True)
class BuildReport:
    """Result of a build.

    Attributes
    ----------
    run_id : str
        The run.
    published_path : Path
        Published file that readers see from now on.
    transform : TransformOutcome
        Models and tests that were executed, and tests that held before.
    studies : StudyReport
        Treatment of the studies.
    is_unchanged : bool
        No input of a figure differed: the published run remains.
    evidence : tuple of str
        Files of evidence that are gone or damaged, as far as the run compared them.
    """

    run_id: str
    published_path: Path
    transform: TransformOutcome
    studies: StudyReport
    is_unchanged: bool = False
    evidence: tuple[str, ...] = ()
