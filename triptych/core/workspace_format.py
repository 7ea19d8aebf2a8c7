"""The format of a workspace: which programs may read and write it.

``lake/format.json`` names the format and the program that wrote it last. A workspace of
a newer format is refused before anything is opened; an older format is upgraded by the
next run, or by ``triptych upgrade``, after a backup.

===== ===================================================================
1     before formats were recorded
2     the lake names its format; estimates of earlier forms begin again
===== ===================================================================
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from triptych import __version__
from triptych.core.errors import SettingsError
from triptych.core.whole_files import write_whole

if TYPE_CHECKING:
    from pathlib import Path

    from triptych.core.workspace import Workspace

FORMAT: Final = 2
#: Of a workspace that names none.
_FIRST_FORMAT: Final = 1
_FILE: Final = "format.json"
#: Evidence is immutable and stays where it is; these change in place.
_BACKED_UP: Final = (
    "raw.duckdb",
    "lake/audit_log.jsonl",
    "lake/audit_head.json",
    "lake/sources.json",
    "studies/register.jsonl",
)


class NewerWorkspaceError(SettingsError):
    """A newer program wrote the workspace; this program would misread it."""


@dataclass(frozen=True, slots=True)
class Upgrade:
    """The step from a format to another, and the folder of its backup.

    ``backup`` is None where nothing was written.
    """

    from_format: int
    to_format: int
    written_by: str | None
    changes: tuple[str, ...]
    backup: Path | None = None


def read_format(lake: Path) -> tuple[int, str | None]:
    """Return the format of a workspace and the version that wrote it.

    Raises
    ------
    SettingsError
        The file cannot be read.
    """
    file = lake / _FILE
    try:
        content = json.loads(file.read_text("utf-8"))
        return int(content["format"]), str(content["written_by"])
    except FileNotFoundError:
        return _FIRST_FORMAT, None
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise SettingsError(
            f"The format of the workspace cannot be read: {error}.",
            where=str(file),
            next_step="Restore this file from a backup of the lake.",
        ) from error


def refuse_newer(workspace: Workspace) -> None:
    """Refuse a workspace with a format unknown to this program.

    Raises
    ------
    NewerWorkspaceError
        A newer program wrote it; nothing was opened.
    """
    number, written_by = read_format(workspace.lake)
    if number > FORMAT:
        raise NewerWorkspaceError(
            f"triptych {written_by} wrote this workspace in format {number}; this is"
            f" triptych {__version__}, which knows formats up to {FORMAT}. Nothing was"
            " changed.",
            where=str(workspace.lake / _FILE),
            next_step=f"Install triptych {written_by} or newer, or put back the backup"
            " of the upgrade (folder backups/).",
        )


def pending_upgrade(workspace: Workspace) -> Upgrade | None:
    """Return the upgrade that the next run makes; None where none is due."""
    if not workspace.raw_database.exists():
        return None
    number, written_by = read_format(workspace.lake)
    if number >= FORMAT:
        return None
    changes = ["copy the catalogue and the logs to backups/"]
    if workspace.build_database.exists():
        changes.append("build every mart and estimate again; published runs stay")
    changes.append(f"write format {FORMAT} to lake/{_FILE}")
    return Upgrade(number, FORMAT, written_by, tuple(changes))


def upgrade(workspace: Workspace) -> Upgrade | None:
    """Bring a workspace to the format of this program; its lock must be held.

    Killed half-way it is done again: the format is written last. Evidence, published
    runs and files of closed months are not touched.
    """
    pending = pending_upgrade(workspace)
    if pending is None:
        if not (workspace.lake / _FILE).exists():
            _write_format(workspace)
        return None
    backup = _back_up(workspace, pending.from_format)
    # No build is evidence; a build of another format could keep estimates of a
    # different form.
    for database in (workspace.build_database, workspace.own_build_database):
        for path in (database, database.with_name(f"{database.name}.wal")):
            path.unlink(missing_ok=True)
    _write_format(workspace)
    return Upgrade(
        pending.from_format, FORMAT, pending.written_by, pending.changes, backup
    )


def _write_format(workspace: Workspace) -> None:
    workspace.lake.mkdir(parents=True, exist_ok=True)
    content = {"format": FORMAT, "written_by": __version__}
    write_whole(workspace.lake / _FILE, json.dumps(content))


def _back_up(workspace: Workspace, number: int) -> Path:
    """Copy the files that change in place; return their folder."""
    now = datetime.now(UTC)
    folder = workspace.root / "backups" / f"format-{number}-{now:%Y%m%dT%H%M%SZ}"
    for name in _BACKED_UP:
        source = workspace.root / name
        if source.exists():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder
