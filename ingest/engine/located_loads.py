"""Locate the files of loads to compare, and find unreadable loads."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from triptych.core.lake.charged_months import FilesOfLoad
from triptych.core.lake.in_place import is_in_bucket, is_in_place, why_file_differs

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from ingest.engine.landed_loads import LandedDelivery
    from triptych.core.lake.in_place import CataloguedFile

#: Last bytes of a Parquet file.
_ENDS_WITH: Final = b"PAR1"


class KnownFiles(Protocol):
    """Catalogue data on the files of the loads in force."""

    def files_of(self, load_ids: Collection[str]) -> list[FilesOfLoad]:
        """Return how the rows of loads are read."""

    def files_in_place(self) -> list[CataloguedFile]:
        """Return their files that are not in the lake."""


@dataclass(frozen=True, slots=True)
class Unread:
    """Reason why a load's charges are unknown, and if its files are in place."""

    reason: str
    is_in_place: bool = False


def located(
    load_ids: Collection[str],
    new: Sequence[LandedDelivery],
    catalogue: KnownFiles,
    root: Path,
) -> tuple[list[FilesOfLoad], dict[str, Unread]]:
    """Return where the files of loads are now, and why of others they are not.

    Files that stay in a bucket were sketched while they were on this machine.
    """
    unread: dict[str, Unread] = {}
    if not load_ids:
        return [], unread
    found = [
        load
        for load in map(_files_landed, new)
        if load.load_id in load_ids and _is_on_this_machine(load)
    ]
    known = catalogue.files_of(load_ids)
    at_rest = [load for load in known if _is_on_this_machine(load)]
    changed = _changed_in_place(catalogue, at_rest)
    for load in at_rest:
        files = tuple(str(root.absolute() / file) for file in load.files)
        why = next((changed[file] for file in load.files if file in changed), None)
        if reason := why or next(filter(None, map(_trouble_of, files)), None):
            unread[load.load_id] = Unread(reason, is_in_place=bool(why))
        else:
            found.append(replace(load, files=files))
    return found, unread


def _trouble_of(file: str) -> str | None:
    """Return why nobody needs to ask the engine for a file: it is gone, or cut off."""
    try:
        with Path(file).open("rb") as opened:
            opened.seek(-len(_ENDS_WITH), os.SEEK_END)
            return None if opened.read() == _ENDS_WITH else f"{file} is cut off"
    except FileNotFoundError:
        return f"{file} is gone"
    except OSError as error:
        # Shorter than its end. The engine reports any other fault.
        return f"{file} is cut off" if error.errno == errno.EINVAL else None


def _is_on_this_machine(load: FilesOfLoad) -> bool:
    return not any(map(is_in_bucket, load.files))


def _changed_in_place(
    catalogue: KnownFiles, loads: Sequence[FilesOfLoad]
) -> dict[str, str]:
    """Return the changes to files in place that are not as they were."""
    wanted = {file for load in loads for file in load.files if is_in_place(file)}
    if not wanted:
        return {}
    files = [each.file for each in catalogue.files_in_place()]
    reasons = {file.uri: why_file_differs(file) for file in files if file.uri in wanted}
    return {uri: f"{uri} {reason}" for uri, reason in reasons.items() if reason}


def _files_landed(landed: LandedDelivery) -> FilesOfLoad:
    """Return where the files of a new load are, before they are in the lake."""
    load, folder = landed.load, landed.folder.absolute() / "parts"
    files = tuple(
        file if is_in_place(file) else str(folder / Path(file).name)
        for file in load.files
    )
    return FilesOfLoad(load.load_id, files, load.projections, load.signatures)
