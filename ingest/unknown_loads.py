"""Load folders that the catalogue does not name: left by a crash, or evidence.

Folders are moved into the lake before the transaction that names them, so a run that is
killed in between leaves some that nobody was told of; which, it wrote down before it
moved the first. Any other folder without a name is evidence whose catalogue was lost or
is older than the lake, and is never removed.
"""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import structlog

from triptych.errors import TriptychError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from pathlib import Path

    from ingest.lake import LakePlaces
    from ingest.landed_loads import LandedDelivery

log = structlog.get_logger(__name__)

_JOURNAL = ".moving.json"
#: stream / source / period, above the folder of a load
_FOLDERS_ABOVE_LOAD = 3
_SHOWN = 3


class UnknownLoadsError(TriptychError):
    """The lake holds loads that the catalogue does not know."""

    exit_code = 3


def move_together(landed: Iterable[LandedDelivery], places: LakePlaces) -> None:
    """Move loads into the lake, after writing down which.

    The journal is forgotten by :func:`settle` once a transaction has named them.
    """
    moving = list(landed)
    if not moving:
        return
    journal = places.lake / _JOURNAL
    fresh = journal.with_name(f"{_JOURNAL}.new")
    fresh.parent.mkdir(parents=True, exist_ok=True)
    with fresh.open("w", encoding="utf-8") as file:
        json.dump([each.load.load_id for each in moving], file)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(journal)
    for each in moving:
        each.move_into(places)


def settle(places: LakePlaces) -> None:
    """Forget which loads were being moved: a transaction names them."""
    (places.lake / _JOURNAL).unlink(missing_ok=True)


def sweep(places: LakePlaces, known: Collection[str]) -> None:
    """Remove what a killed run moved and did not name.

    Raises
    ------
    UnknownLoadsError
        There are other loads that the catalogue does not name; nothing was removed.
    """
    refuse_unknown(places, known)
    for folder in _unknown(places, known):
        log.info("swept_unnamed_load", folder=folder.name)
        shutil.rmtree(folder)
    settle(places)


def refuse_unknown(places: LakePlaces, known: Collection[str]) -> None:
    """Stop where the lake holds evidence that the catalogue does not name."""
    half_moved = _half_moved(places)
    lost = [f for f in _unknown(places, known) if f.name not in half_moved]
    if not lost:
        return
    shown = ", ".join(folder.name for folder in sorted(lost)[:_SHOWN])
    more = f" and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else ""
    raise UnknownLoadsError(
        f"The lake holds {len(lost):,} loads that raw.duckdb does not know:"
        f" {shown}{more}. raw.duckdb was lost, or is older than the lake. Nothing was"
        " removed.",
        where=str(places.lake),
        next_step="Put back the raw.duckdb that belongs to this lake, from the same"
        " backup as the lake or a later one. Folders that are not evidence go out of"
        " the lake by hand.",
    )


def _half_moved(places: LakePlaces) -> frozenset[str]:
    try:
        names = json.loads((places.lake / _JOURNAL).read_text("utf-8"))
    except (OSError, ValueError):
        return frozenset()
    return frozenset(names)


def _unknown(places: LakePlaces, known: Collection[str]) -> list[Path]:
    if not places.lake.is_dir():
        return []
    folders = _folders(places.lake, _FOLDERS_ABOVE_LOAD)
    return [folder for folder in folders if folder.name not in known]


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folders that lie ``depth`` levels below the children of a folder."""
    with os.scandir(folder) as entries:
        children = [e for e in entries if e.is_dir(follow_symlinks=False)]
    for child in children:
        # The staging area holds what has not been moved yet.
        if child.name.startswith("."):
            continue
        if depth:
            yield from _folders(folder / child.name, depth - 1)
        else:
            yield folder / child.name
