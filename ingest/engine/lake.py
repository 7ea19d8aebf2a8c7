"""Evidence at rest, and its catalogue, held open no longer than needed."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from threading import RLock, Timer
from typing import TYPE_CHECKING, ClassVar, Self

from ingest.streams import STREAMS
from ingest.streams.locked_months import LOCKED_STREAMS
from triptych.core.lake.catalogue import Catalogue
from triptych.core.lake.loads import StreamView

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from triptych.core.workspace import Workspace

ALL_STREAMS = STREAMS | LOCKED_STREAMS


@dataclass(frozen=True, slots=True)
class LakePlaces:
    """Places of evidence: workspace, lake, staging area and catalogue."""

    root: Path
    lake: Path
    staging: Path
    raw_database: Path


def places_of(workspace: Workspace) -> LakePlaces:
    """Return where the evidence of a workspace rests."""
    return LakePlaces(
        root=workspace.root,
        lake=workspace.lake,
        staging=workspace.staging,
        raw_database=workspace.raw_database,
    )


class HeldCatalogue:
    """The catalogue of a run: opened when it is needed, and then kept for a while.

    Opening it costs more than most questions to it, and while it is open nothing else
    can read it. So it stays open from question to question, and a timer closes it
    where a source or a large delivery takes longer.

    Parameters
    ----------
    places : LakePlaces
        Of which workspace.
    """

    #: After this time it is closed even though it may be needed again.
    longest_hold_seconds: ClassVar[float] = 1.0

    def __init__(self, places: LakePlaces) -> None:
        self._places = places
        self._lock = RLock()
        self._catalogue: Catalogue | None = None
        self._timer: Timer | None = None

    def __enter__(self) -> Self:
        """Return self."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let go."""
        self.let_go()

    @contextmanager
    def opened(self) -> Iterator[Catalogue]:
        """Have the catalogue open; it is not closed meanwhile."""
        with self._lock:
            if self._catalogue is None:
                self._catalogue = open_catalogue(self._places)
                self._timer = Timer(self.longest_hold_seconds, self.let_go)
                self._timer.daemon = True
                self._timer.start()
            yield self._catalogue

    def let_go(self) -> None:
        """Close it, so that others can read."""
        with self._lock:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
            if self._catalogue is not None:
                self._catalogue.close()
                self._catalogue = None


#: Bills with columns that rules may name, and the tags that take the named columns.
_NAMED_INTO = {
    "focus": "Tags",
    "aws_cur2": "resource_tags",
    "gcp_billing_export": "labels",
}


def open_catalogue(places: LakePlaces) -> Catalogue:
    """Open the catalogue with a view for every stream that triptych knows."""
    places.lake.mkdir(parents=True, exist_ok=True)
    return Catalogue(places.raw_database, root=places.root, streams=stream_views())


@cache
def stream_views() -> tuple[StreamView, ...]:
    """Return every stream with its columns, as evidence views need them."""
    return tuple(
        StreamView(
            name,
            tuple((c.name, c.type) for c in stream.columns),
            _NAMED_INTO.get(name, ""),
        )
        for name, stream in ALL_STREAMS.items()
    )
