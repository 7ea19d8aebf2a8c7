"""Load folders that the catalogue does not name: left by a crash, or evidence.

Folders are moved into the lake before the transaction that names them, so a run that is
killed in between leaves unnamed folders; it records which before it moves the first.
Any other folder without a name is evidence with a catalogue that was lost or is older
than the lake, and is never removed.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from typing import TYPE_CHECKING

from triptych.core.errors import TriptychError
from triptych.core.lake.lake_log import RECOVER
from triptych.core.log_events import LogEvent
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

    from ingest.engine.lake import LakePlaces
    from ingest.engine.landed_loads import LandedDelivery

log = logging.getLogger(__name__)

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
    journal.parent.mkdir(parents=True, exist_ok=True)
    write_whole(journal, json.dumps([each.load.load_id for each in moving]))
    for each in moving:
        each.move_into(places)


def settle(places: LakePlaces) -> None:
    """Forget which loads were being moved: a transaction names them."""
    (places.lake / _JOURNAL).unlink(missing_ok=True)


def sweep(places: LakePlaces, known: Collection[str], at_rest: Collection[str]) -> None:
    """Remove folders that a killed run moved and did not name.

    Raises
    ------
    UnknownLoadsError
        There are other loads that the catalogue does not name, or it names some that
        are not there; nothing was removed.
    """
    for folder in refuse_unknown(places, known, at_rest):
        log.info(LogEvent("swept_unnamed_load", folder=folder.name))
        shutil.rmtree(folder)
    settle(places)


def refuse_unknown(
    places: LakePlaces, known: Collection[str], at_rest: Collection[str]
) -> list[Path]:
    """Stop where lake and catalogue do not have the same loads.

    Parameters
    ----------
    places : LakePlaces
        Of which workspace.
    known, at_rest : collection of str
        Ids of the loads that the catalogue names, and of those of them that must have
        files in the lake.

    Returns
    -------
    list of Path
        Folders without a name that a killed run is known to have moved.

    Raises
    ------
    UnknownLoadsError
        Another folder has no name, or a name has no folder.
    """
    folders = list(folders_of_loads(places.lake))
    missing = sorted(set(at_rest) - {folder.name for folder in folders})
    if missing:
        raise UnknownLoadsError(
            f"The lake lacks {listed(missing, 'load')} that raw.duckdb names: it is"
            " older than raw.duckdb, or was copied in part. Nothing was removed.",
            where=str(places.lake),
            next_step="Restore the lake from the same backup as raw.duckdb, or a later"
            " one.",
        )
    unnamed = [folder for folder in folders if folder.name not in known]
    moved = half_moved(places.lake)
    names = sorted(folder.name for folder in unnamed if folder.name not in moved)
    if not names:
        return unnamed
    raise UnknownLoadsError(
        f"The lake holds {listed(names, 'load')} that raw.duckdb does not know."
        " raw.duckdb was lost, or is older than the lake. Nothing was removed.",
        where=str(places.lake),
        next_step=f"{RECOVER} Folders that are not evidence go out of the lake by"
        " hand.",
    )


def listed(names: Sequence[str], what: str) -> str:
    """Return how many there are of something, and the names of the first."""
    shown = ", ".join(names[:_SHOWN])
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return f"{len(names):,} {what}{'' if len(names) == 1 else 's'} ({shown}{more})"


def half_moved(lake: Path) -> frozenset[str]:
    """Return the loads that a run was moving into the lake, and did not finish."""
    try:
        names = json.loads((lake / _JOURNAL).read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return frozenset()
    return frozenset(names)


def folders_of_loads(lake: Path) -> Iterator[Path]:
    """Yield the load folders of a lake, with any contents."""
    if lake.is_dir():
        yield from _folders(lake, _FOLDERS_ABOVE_LOAD)


def _folders(folder: Path, depth: int) -> Iterator[Path]:
    """Yield the folders that lie ``depth`` levels below the children of a folder."""
    with os.scandir(folder) as entries:
        children = [e for e in entries if e.is_dir(follow_symlinks=False)]
    for child in children:
        # The staging area holds folders that have not been moved yet.
        if child.name.startswith("."):
            continue
        if depth:
            yield from _folders(folder / child.name, depth - 1)
        else:
            yield folder / child.name
