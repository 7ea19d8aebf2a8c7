"""Ingest report: loads committed, deliveries skipped, sources failed."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from triptych.core.errors import SourceError

if TYPE_CHECKING:
    from triptych.core.errors import TriptychError
    from triptych.core.lake.withdrawals import WithdrawnLoad


@dataclass(frozen=True, slots=True)
class CommittedLoad:
    """A delivery that became the current load of its scope."""

    load_id: str
    source: str
    stream: str
    label: str
    row_count: int
    quarantined_row_count: int


@dataclass(frozen=True, slots=True)
class SourceFailure:
    """A delivery, or a whole source, that could not be taken."""

    source: str
    error: TriptychError


def withdrawn_note(load: WithdrawnLoad, label: str) -> str:
    """Return a note that an offer was withdrawn before and is not reloaded."""
    return (
        f"{label}: withdrawn on {load.at:%Y-%m-%d}, and not loaded again. Deliver what"
        f' is right, or "triptych withdraw {load.load_id} --undo --because TEXT".'
    )


@dataclass(slots=True)
class IngestReport:
    """Result of an ingest."""

    committed: list[CommittedLoad] = field(default_factory=list)
    failures: list[SourceFailure] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    skipped_count: int = 0

    @property
    def quarantined_row_count(self) -> int:
        """Return how many rows the committed loads left in quarantine."""
        return sum(load.quarantined_row_count for load in self.committed)

    def raise_first_failure(self) -> None:
        """Raise the failures as a single error, if there are any.

        Raises
        ------
        SourceError
            At least 1 source failed; the message lists every failed source.
        """
        if not self.failures:
            return
        if len(self.failures) == 1:
            raise self.failures[0].error
        lines = "\n".join(f"  {failure.error}" for failure in self.failures)
        count = len(self.failures)
        raise SourceError(
            f"{count} deliveries could not be taken:\n{lines}",
            next_step="The others were. Run again when these are mended.",
        )
